// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/maps.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *at, *end;
};

/* Reads a number and the character behind it. */
static bool take_number(struct reader *reader, int base, char after, uint64_t *value)
{
	uint64_t sum = 0;
	size_t digits = 0;

	for (; reader->at < reader->end; reader->at++, digits++) {
		char c = *reader->at;
		unsigned int digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (base == 16 && c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		else
			break;
		if (sum > (UINT64_MAX - digit) / (unsigned int)base)
			return false;
		sum = sum * (unsigned int)base + digit;
	}
	if (!digits || reader->at == reader->end || *reader->at != after)
		return false;
	reader->at++;
	*value = sum;
	return true;
}

static bool take_rights(struct reader *reader, bool *executable)
{
	if (reader->end - reader->at < 5 || reader->at[4] != ' ')
		return false;
	*executable = reader->at[2] == 'x';
	reader->at += 5;
	return true;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len >= end_len && !memcmp(text + len - end_len, end, end_len);
}

/* The kernel writes a newline in a path as \012, and escapes nothing else (show_map_vma() in
 * fs/proc/task_mmu.c). */
static size_t copy_path(char *to, const char *from, size_t len)
{
	size_t written = 0;

	for (size_t i = 0; i < len; i++) {
		if (len - i >= 4 && !memcmp(from + i, "\\012", 4)) {
			to[written++] = '\n';
			i += 3;
		} else if (from[i]) {
			to[written++] = from[i];
		}
	}
	to[written++] = '\0';
	return written;
}

static void set_path(struct symbol_maps *maps, struct symbol_map *map, struct reader path)
{
	size_t len;

	while (path.at < path.end && *path.at == ' ')
		path.at++;
	len = (size_t)(path.end - path.at);
	if (ends_with(path.at, len, " (deleted)")) {
		map->is_deleted = true;
		len -= strlen(" (deleted)");
	}
	map->kind =
		len && *path.at == '/' && len < PATH_MAX && map->inode ? MAP_FILE : MAP_ANONYMOUS;
	if (len >= 7 && !memcmp(path.at, "/memfd:", 7))
		map->kind = MAP_ANONYMOUS;
	if (len >= PATH_MAX)
		len = 0;
	map->path = (uint32_t)maps->paths_len;
	maps->paths_len += copy_path(maps->paths + maps->paths_len, path.at, len);
}

static void take_line(struct symbol_maps *maps, struct reader line)
{
	struct symbol_map map = {0};
	uint64_t major, minor, last_end = maps->count ? maps->maps[maps->count - 1].end : 0;
	bool executable;

	if (!take_number(&line, 16, '-', &map.start) || !take_number(&line, 16, ' ', &map.end) ||
	    !take_rights(&line, &executable) || !take_number(&line, 16, ' ', &map.offset) ||
	    !take_number(&line, 16, ':', &major) || !take_number(&line, 16, ' ', &minor))
		return;
	/* Without a path the inode is followed by a blank or by the end of the line. */
	if (!take_number(&line, 10, ' ', &map.inode) && line.at != line.end)
		return;
	if (!executable || map.start >= map.end || map.start < last_end ||
	    map.offset > UINT64_MAX - (map.end - map.start) || maps->count == SYMBOL_MAPS_MAX)
		return;
	set_path(maps, &map, line);
	maps->maps[maps->count++] = map;
}

/* Frees the memory that was not needed. */
static void shrink(struct symbol_maps *maps)
{
	void *less = realloc(maps->maps, (maps->count ? maps->count : 1) * sizeof(*maps->maps));

	if (less)
		maps->maps = less;
	less = realloc(maps->paths, maps->paths_len ? maps->paths_len : 1);
	if (less)
		maps->paths = less;
}

int symbol_maps_parse(struct symbol_maps *maps, const char *text, size_t len)
{
	struct symbol_maps made = {0};
	const char *at = text, *end = text + len, *newline;
	size_t lines = 0;

	if (len > UINT32_MAX / 2)
		len = 0;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	made.maps =
		calloc(lines < SYMBOL_MAPS_MAX ? lines + 1 : SYMBOL_MAPS_MAX, sizeof(*made.maps));
	made.paths = malloc(len + lines + 1);
	if (!made.maps || !made.paths) {
		symbol_maps_clear(&made);
		return -ENOMEM;
	}
	for (; len && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1)
		take_line(&made, (struct reader){at, newline});
	shrink(&made);
	*maps = made;
	return 0;
}

static bool has_frame(const struct symbol_map *map, const uint64_t *frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (frames[i] > map->start && frames[i] <= map->end)
			return true;
	return false;
}

void symbol_maps_keep(struct symbol_maps *maps, const uint64_t *frames, size_t count)
{
	size_t kept = 0, used = 0;

	for (size_t i = 0; i < maps->count; i++) {
		struct symbol_map map = maps->maps[i];
		size_t len = strlen(maps->paths + map.path) + 1;

		if (!has_frame(&map, frames, count))
			continue;
		memmove(maps->paths + used, maps->paths + map.path, len);
		map.path = (uint32_t)used;
		used += len;
		maps->maps[kept++] = map;
	}
	maps->count = kept;
	maps->paths_len = used;
	shrink(maps);
}

size_t symbol_maps_bytes(const struct symbol_maps *maps)
{
	return maps->count * sizeof(*maps->maps) + maps->paths_len;
}

void symbol_maps_clear(struct symbol_maps *maps)
{
	free(maps->maps);
	free(maps->paths);
	*maps = (struct symbol_maps){0};
}

const struct symbol_map *symbol_maps_find(const struct symbol_maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address < maps->maps[middle].start)
			high = middle;
		else if (address >= maps->maps[middle].end)
			low = middle + 1;
		else
			return &maps->maps[middle];
	}
	return NULL;
}

const char *symbol_maps_path(const struct symbol_maps *maps, const struct symbol_map *map)
{
	return maps->paths + map->path;
}
