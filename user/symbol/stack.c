// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/stack.h"

#include <stdlib.h>
#include <string.h>

struct symbol_stack *symbol_stack_new(uint32_t number, const struct event_stack *e)
{
	size_t frames_len = e->count * sizeof(e->frames[0]);
	struct symbol_stack *stack = calloc(1, sizeof(*stack) + frames_len);

	if (!stack)
		return NULL;
	stack->names.how = (enum event_stack_how)e->how;
	stack->number = number;
	stack->task = e->task;
	stack->exec_id = e->exec_id;
	stack->frame_count = e->count;
	memcpy(stack->frames, e->frames, frames_len);
	return stack;
}

static void clear_maps(struct symbol_stack *stack)
{
	for (size_t i = 0; i < stack->map_count; i++)
		symbol_files_release(stack->maps[i].file);
	free(stack->maps);
	stack->maps = NULL;
	stack->map_count = 0;
}

static void clear_names(struct symbol_stack *stack, struct string_pool *pool)
{
	free((uint64_t *)stack->names.ips);
	if (stack->shared)
		shared_names_release(stack->table, stack->shared, pool);
	else
		call_frames_free((struct call_frame *)stack->names.frames, stack->names.count,
				 pool);
}

void symbol_stack_free(struct symbol_stack *stack, struct string_pool *pool)
{
	if (!stack)
		return;
	clear_maps(stack);
	clear_names(stack, pool);
	free(stack);
}

/* The place of the call. The return address behind it may already be in another function. */
static uint64_t place_of(uint64_t ip)
{
	return ip ? ip - 1 : 0;
}

bool symbol_stack_covered(const struct symbol_stack *stack, const struct address_space *space)
{
	for (size_t i = 0; i < stack->frame_count; i++)
		if (!symbol_maps_find(space->maps, place_of(stack->frames[i])))
			return false;
	return true;
}

static bool has_place(const struct symbol_stack_map *maps, size_t count, uint64_t place)
{
	for (size_t i = 0; i < count; i++)
		if (place >= maps[i].start && place < maps[i].end)
			return true;
	return false;
}

void symbol_stack_place(struct symbol_stack *stack, const struct address_space *space,
			struct symbol_files *files)
{
	struct symbol_stack_map maps[SYMBOL_REQUEST_MAPS];
	size_t count = 0;

	stack->is_placed = true;
	stack->root = space->root;
	stack->ns_pid = space->ns_pid;
	stack->user = space->user;
	for (size_t i = 0; i < stack->frame_count && count < SYMBOL_REQUEST_MAPS; i++) {
		uint64_t place = place_of(stack->frames[i]);
		const struct symbol_map *map = symbol_maps_find(space->maps, place);

		if (!map || has_place(maps, count, place))
			continue;
		maps[count] = (struct symbol_stack_map){map->start, map->end, map->offset, NULL};
		if (map->kind == MAP_FILE) {
			maps[count].file = symbol_files_get(files, space->maps_root, map->inode,
							    symbol_maps_path(space->maps, map));
			stack->is_refused |= !maps[count].file;
		}
		count++;
	}
	clear_maps(stack);
	stack->maps = count ? malloc(count * sizeof(maps[0])) : NULL;
	stack->map_count = stack->maps ? (uint8_t)count : 0;
	if (stack->maps)
		memcpy(stack->maps, maps, count * sizeof(maps[0]));
	for (size_t i = 0; !stack->maps && i < count; i++)
		symbol_files_release(maps[i].file);
}

/* The index of a file in the request: files are in the order in which the mappings first name
 * them. */
static uint32_t number_of(const struct symbol_stack *stack, const struct symbol_file *file)
{
	uint32_t number = 0;

	for (size_t i = 0; i < stack->map_count; i++) {
		bool seen = !stack->maps[i].file;

		if (stack->maps[i].file == file)
			return number;
		for (size_t j = 0; j < i && !seen; j++)
			seen = stack->maps[j].file == stack->maps[i].file;
		number += !seen;
	}
	return SYMBOL_NO_FILE;
}

struct symbol_file *symbol_stack_file(const struct symbol_stack *stack, uint32_t file)
{
	for (size_t i = 0; i < stack->map_count; i++)
		if (stack->maps[i].file && number_of(stack, stack->maps[i].file) == file)
			return stack->maps[i].file;
	return NULL;
}

static bool add_path(struct symbol_request *request, const char *path)
{
	size_t len = strlen(path) + 1;

	if (request->file_count == SYMBOL_REQUEST_FILES ||
	    len > SYMBOL_PATHS_LEN - request->paths_len)
		return false;
	memcpy(request->paths + request->paths_len, path, len);
	request->paths_len += (uint32_t)len;
	request->file_count++;
	return true;
}

size_t symbol_stack_ask(const struct symbol_stack *stack, const struct symbol_files *files,
			struct symbol_request *request, struct symbol_key *key,
			int fds[SYMBOL_REQUEST_FILES + 1])
{
	struct stat whats[SYMBOL_REQUEST_FILES];
	uint32_t pid = address_space_is_alive(&stack->task) ? stack->task.tgid : 0;
	bool in_memory = false;
	size_t count = 0;
	int fd;

	memset(request, 0, offsetof(struct symbol_request, paths));
	request->stack = stack->number;
	request->frame_count = stack->frame_count;
	memcpy(request->frames, stack->frames, stack->frame_count * sizeof(stack->frames[0]));
	for (size_t i = 0; i < stack->map_count; i++) {
		const struct symbol_stack_map *map = &stack->maps[i];
		uint32_t file = map->file ? number_of(stack, map->file) : SYMBOL_NO_FILE;

		in_memory |= !map->file;
		if (file == request->file_count && add_path(request, map->file->path)) {
			fd = map->file->is_bad
				     ? -1
				     : symbol_files_open(files, map->file, pid, map->start,
							 map->end, &whats[file]);
			request->has_fd[file] = fd >= 0;
			if (fd >= 0)
				fds[count++] = fd;
		}
		request->maps[request->map_count++] = (struct symbol_request_map){
			map->start, map->end, map->offset,
			file < request->file_count ? file : SYMBOL_NO_FILE, 0};
	}
	fd = in_memory && stack->ns_pid
		     ? symbol_files_open_perf(files, stack->root, stack->ns_pid, stack->user)
		     : -1;
	request->has_perf = fd >= 0;
	if (fd >= 0)
		fds[count++] = fd;
	symbol_key_make(key, request, (uint16_t)stack->names.how, whats);
	return count;
}

/* A text of a name. Sets *full where the pool has no room for it. */
static const char *keep(struct string_pool *pool, const char *text, bool *full)
{
	const char *kept = text && *text ? string_pool_keep(pool, text) : NULL;

	*full |= text && *text && !kept;
	return kept;
}

/* Frees what only the request needed. Returns the stack, which may have moved. */
static struct symbol_stack *finish(struct symbol_stack *stack)
{
	struct symbol_stack *less;

	clear_maps(stack);
	stack->frame_count = 0;
	stack->is_done = true;
	less = realloc(stack, sizeof(*stack));
	return less ? less : stack;
}

/* Sets names of the stack's own. */
static void set_names(struct symbol_stack *stack, struct call_frame *frames, size_t count,
		      bool is_short, struct string_pool *pool)
{
	if (stack->is_refused) {
		call_frames_free(frames, count, pool);
		frames = NULL;
		count = 0;
	}
	stack->names.frames = frames;
	stack->names.count = count;
	stack->names.is_short = is_short;
}

/* Lets others have the names, if each frame has an address of the stack. */
static void offer(struct symbol_stack *stack, struct shared_names_table *table,
		  const struct symbol_key *key)
{
	uint8_t places[SYMBOL_ANSWER_FRAMES];
	size_t at = 0;

	for (size_t i = 0; i < stack->names.count; i++) {
		/* Inlined functions have the address of the one that they are in. */
		while (at < stack->frame_count && stack->frames[at] != stack->names.frames[i].ip)
			at++;
		if (at == stack->frame_count)
			return;
		places[i] = (uint8_t)at;
	}
	if (!stack->names.count)
		return;
	stack->shared = shared_names_add(table, key, (struct call_frame *)stack->names.frames,
					 places, stack->names.count, stack->names.is_short);
	stack->table = table;
}

struct symbol_stack *symbol_stack_share(struct symbol_stack *stack,
					struct shared_names_table *table,
					const struct symbol_key *key, struct string_pool *pool)
{
	const struct shared_names *shared =
		stack->is_refused ? NULL : shared_names_find(table, key);
	uint64_t *ips = shared ? malloc(shared->count * sizeof(*ips)) : NULL;

	if (!ips) {
		if (shared)
			shared_names_release(table, shared, pool);
		return NULL;
	}
	for (size_t i = 0; i < shared->count; i++)
		ips[i] = stack->frames[shared->places[i]];
	stack->shared = shared;
	stack->table = table;
	stack->names.frames = shared->frames;
	stack->names.count = shared->count;
	stack->names.is_short = shared->is_short;
	stack->names.ips = ips;
	return finish(stack);
}

struct symbol_stack *symbol_stack_answered(struct symbol_stack *stack,
					   const struct symbol_answer *answer,
					   struct shared_names_table *table,
					   const struct symbol_key *key, struct string_pool *pool)
{
	struct call_frame *frames = call_frames_new(answer->head.count, pool);
	bool full = answer->head.count && !frames;

	for (size_t i = 0; frames && i < answer->head.count; i++) {
		const struct symbol_answer_frame *from = &answer->frames[i];
		const struct symbol_file *file = symbol_stack_file(stack, from->file);

		frames[i] = (struct call_frame){
			.ip = from->ip,
			.offset = from->offset,
			.line = from->line,
			.function = keep(pool, answer->text + from->function, &full),
			.file = keep(pool, answer->text + from->source, &full),
			.build_id = keep(pool, answer->text + from->build_id, &full),
			.module = keep(pool, file ? file->path : NULL, &full),
		};
		if (!frames[i].file)
			frames[i].line = 0;
	}
	stack->is_refused |= full;
	set_names(stack, frames, frames ? answer->head.count : 0, answer->head.is_short, pool);
	offer(stack, table, key);
	return finish(stack);
}

struct symbol_stack *symbol_stack_give_up(struct symbol_stack *stack, struct string_pool *pool)
{
	struct call_frame *frames = call_frames_new(stack->frame_count, pool);
	size_t count = frames ? stack->frame_count : 0;
	bool full = stack->frame_count && !frames;

	for (size_t i = 0; i < count; i++) {
		uint64_t place = place_of(stack->frames[i]);

		frames[i].ip = stack->frames[i];
		for (size_t j = 0; j < stack->map_count; j++) {
			const struct symbol_stack_map *map = &stack->maps[j];

			if (place < map->start || place >= map->end)
				continue;
			frames[i].offset = frames[i].ip - map->start + map->offset;
			if (!frames[i].module)
				frames[i].module =
					keep(pool, map->file ? map->file->path : NULL, &full);
		}
	}
	stack->is_refused |= full;
	set_names(stack, frames, count, false, pool);
	return finish(stack);
}
