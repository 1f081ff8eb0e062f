// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/lookup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "symbol/elf.h"
#include "symbol/perf.h"

#define PERF_FILES 4

/* Identifies a file and its content. */
struct identity {
	dev_t dev;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct cached {
	struct identity identity;
	uint64_t used;		 /* 0 = free */
	struct symbol_elf *elf;	 /* NULL: the file is no ELF file */
	struct symbol_perf perf; /* only in `perfs` */
	time_t read_s;
};

struct symbol_lookup {
	_Atomic uint32_t *progress;
	uint64_t uses;
	struct cached files[SYMBOL_LOOKUP_FILES];
	struct cached perfs[PERF_FILES];
};

/* One request and its answer. */
struct job {
	struct symbol_lookup *lookup;
	const struct symbol_request *request;
	int *fds;
	int perf_fd;
	const char *paths[SYMBOL_REQUEST_FILES];
	struct symbol_answer *answer;
	struct symbol_found found[SYMBOL_INLINED_MAX + 1];
};

struct symbol_lookup *symbol_lookup_new(_Atomic uint32_t *progress)
{
	struct symbol_lookup *lookup = calloc(1, sizeof(*lookup));

	if (lookup)
		lookup->progress = progress;
	return lookup;
}

static void clear(struct cached *cached)
{
	symbol_elf_free(cached->elf);
	symbol_perf_clear(&cached->perf);
	*cached = (struct cached){0};
}

void symbol_lookup_forget(struct symbol_lookup *lookup)
{
	for (size_t i = 0; i < SYMBOL_LOOKUP_FILES; i++)
		clear(&lookup->files[i]);
	for (size_t i = 0; i < PERF_FILES; i++)
		clear(&lookup->perfs[i]);
}

void symbol_lookup_free(struct symbol_lookup *lookup)
{
	if (!lookup)
		return;
	symbol_lookup_forget(lookup);
	free(lookup);
}

static bool identify(int fd, struct identity *identity)
{
	struct stat what;

	if (fstat(fd, &what) || !S_ISREG(what.st_mode))
		return false;
	*identity = (struct identity){what.st_dev, what.st_ino, what.st_size, what.st_mtim};
	return true;
}

static bool same_file(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->inode == b->inode;
}

static bool same_content(const struct identity *a, const struct identity *b)
{
	return same_file(a, b) && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Returns the file's place in the cache; if it has none, a cleared one. */
static struct cached *place_of(struct cached *all, size_t count, const struct identity *identity)
{
	struct cached *oldest = all;

	for (size_t i = 0; i < count; i++) {
		if (all[i].used && same_file(&all[i].identity, identity))
			return &all[i];
		if (all[i].used < oldest->used)
			oldest = &all[i];
	}
	clear(oldest);
	return oldest;
}

static struct symbol_elf *elf_of(struct job *job, uint32_t file)
{
	struct symbol_lookup *lookup = job->lookup;
	struct identity identity;
	struct cached *cached;
	int fd = job->fds[file];

	if (fd < 0 || !identify(fd, &identity))
		return NULL;
	atomic_store(lookup->progress, file);
	cached = place_of(lookup->files, SYMBOL_LOOKUP_FILES, &identity);
	if (!cached->used || !same_content(&cached->identity, &identity)) {
		clear(cached);
		cached->identity = identity;
		if (symbol_elf_open(&cached->elf, dup(fd), job->paths[file]))
			cached->elf = NULL;
	}
	cached->used = ++lookup->uses;
	return cached->elf;
}

static char *read_all(int fd, off_t size, size_t *len)
{
	size_t room = size > (off_t)SYMBOL_PERF_MAX ? SYMBOL_PERF_MAX : (size_t)size;
	char *text = malloc(room + 1);
	ssize_t count;

	*len = 0;
	while (text && *len < room &&
	       (count = pread(fd, text + *len, room - *len, (off_t)*len)) > 0)
		*len += (size_t)count;
	return text;
}

static void read_perf(struct cached *cached, int fd, const struct identity *identity)
{
	size_t len;
	char *text;

	clear(cached);
	cached->identity = *identity;
	cached->read_s = time(NULL);
	text = read_all(fd, identity->size, &len);
	if (text && symbol_perf_parse(&cached->perf, text, len))
		cached->perf = (struct symbol_perf){0};
}

/* Compilers append to their maps, so a map is read again where a name is missing, but at most once
 * a second. */
static const char *name_perf(struct job *job, uint64_t ip, uint64_t *start)
{
	struct symbol_lookup *lookup = job->lookup;
	struct identity identity;
	struct cached *cached;
	const char *name;

	if (job->perf_fd < 0 || !identify(job->perf_fd, &identity))
		return NULL;
	cached = place_of(lookup->perfs, PERF_FILES, &identity);
	name = cached->used ? symbol_perf_find(&cached->perf, ip, start) : NULL;
	if (!name && (!cached->used || (!same_content(&cached->identity, &identity) &&
					cached->read_s != time(NULL)))) {
		read_perf(cached, job->perf_fd, &identity);
		name = symbol_perf_find(&cached->perf, ip, start);
	}
	cached->used = ++lookup->uses;
	return name;
}

static const struct symbol_request_map *map_of(const struct symbol_request *request, uint64_t ip)
{
	for (size_t i = 0; i < request->map_count; i++)
		if (ip >= request->maps[i].start && ip < request->maps[i].end)
			return &request->maps[i];
	return NULL;
}

/* Where the mappings are not known, every address counts as code. */
static bool is_code(void *context, uint64_t ip)
{
	const struct job *job = context;

	return ip && (!job->request->map_count || map_of(job->request, ip - 1));
}

static enum unwind_kind kind_of(void *context, uint64_t ip)
{
	struct job *job = context;
	uint64_t place = ip - 1, address;
	const struct symbol_request_map *map = map_of(job->request, place);
	enum unwind_kind kind = UNWIND_UNKNOWN;
	struct symbol_elf *elf;

	elf = map && map->file != SYMBOL_NO_FILE ? elf_of(job, map->file) : NULL;
	if (elf && symbol_elf_address(elf, place - map->start + map->offset, &address))
		kind = symbol_elf_unwind(elf, address);
	atomic_store(job->lookup->progress, SYMBOL_NO_FILE);
	return kind;
}

static void add_memory(struct job *job, uint64_t ip, const struct symbol_request_map *map)
{
	struct symbol_answer_frame *frame = symbol_answer_add(job->answer);
	char name[SYMBOL_NAME_LEN];
	const char *mangled;
	uint64_t start;

	if (!frame)
		return;
	frame->ip = ip;
	frame->offset = map ? ip - map->start : 0;
	mangled = map ? name_perf(job, ip - 1, &start) : NULL;
	if (!mangled)
		return;
	symbol_name_write(name, mangled);
	frame->function = symbol_answer_text(job->answer, name);
	frame->offset = ip - start;
}

static void add_found(struct job *job, uint64_t ip, uint32_t file, const char *build_id,
		      const struct symbol_found *found)
{
	struct symbol_answer_frame *frame = symbol_answer_add(job->answer);

	if (!frame)
		return;
	frame->ip = ip;
	frame->file = file;
	frame->offset = found->offset + 1; /* the call was looked up, not the return address */
	frame->line = found->line;
	frame->function = symbol_answer_text(job->answer, found->function);
	frame->source = symbol_answer_text(job->answer, found->file);
	frame->build_id = symbol_answer_text(job->answer, build_id);
}

static void add_frames(struct job *job, uint64_t ip)
{
	const struct symbol_request_map *map = map_of(job->request, ip - 1);
	uint64_t address, offset;
	struct symbol_elf *elf;
	size_t count = 1;

	if (!map || map->file == SYMBOL_NO_FILE) {
		add_memory(job, ip, map);
		return;
	}
	offset = ip - 1 - map->start + map->offset;
	memset(&job->found[0], 0, sizeof(job->found[0]));
	job->found[0].offset = offset;
	elf = elf_of(job, map->file);
	if (elf && symbol_elf_address(elf, offset, &address))
		count = symbol_elf_find(elf, address, job->found);
	if (!*job->found[count - 1].function)
		job->found[count - 1].offset = offset;
	for (size_t i = 0; i < count; i++)
		add_found(job, ip, map->file, elf ? symbol_elf_build_id(elf) : "", &job->found[i]);
	atomic_store(job->lookup->progress, SYMBOL_NO_FILE);
}

/* Whether the stack ends where threads start. Some C libraries have no symbols for the code that
 * calls main() and threads. Go has frame pointers from a goroutine's first function on, whether it
 * has a name or not. */
static bool reaches_start(struct job *job)
{
	const struct symbol_answer *answer = job->answer;
	const struct symbol_answer_frame *last = &answer->frames[answer->head.count - 1];
	const struct symbol_elf *elf;

	for (size_t i = 0; i < answer->head.count; i++)
		if (symbol_name_is_start(answer->text + answer->frames[i].function))
			return true;
	elf = answer->head.count && last->file != SYMBOL_NO_FILE ? elf_of(job, last->file) : NULL;
	atomic_store(job->lookup->progress, SYMBOL_NO_FILE);
	if (elf && symbol_elf_is_go(elf))
		return true;
	return answer->head.count > 1 && last->file != SYMBOL_NO_FILE &&
	       symbol_module_is_start(job->paths[last->file]) &&
	       answer->frames[answer->head.count - 2].file != last->file;
}

static void answer_job(struct job *job)
{
	const struct symbol_request *request = job->request;
	const struct symbol_cfi_rules rules = {kind_of, is_code, job};
	bool gap, cut = request->frame_count == EVENT_STACK_FRAMES;
	size_t count = symbol_cfi_check(request->frames, request->frame_count, &rules, &gap);

	for (size_t i = 0; i < count; i++)
		add_frames(job, request->frames[i]);
	job->answer->head.is_short = gap || !(cut || reaches_start(job));
}

void symbol_lookup_answer(struct symbol_lookup *lookup, const struct symbol_request *request,
			  int fds[SYMBOL_REQUEST_FILES], int perf, struct symbol_answer *answer)
{
	struct job job = {.lookup = lookup,
			  .request = request,
			  .fds = fds,
			  .perf_fd = perf,
			  .answer = answer};
	const char *path = NULL;

	for (size_t i = 0; i < request->file_count; i++)
		job.paths[i] = path = symbol_request_path(request, path);
	symbol_answer_begin(answer, request->stack);
	answer_job(&job);
	for (size_t i = 0; i < request->file_count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (perf >= 0)
		close(perf);
}
