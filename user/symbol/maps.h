/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_MAPS_H
#define TCPWATCH_SYMBOL_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one process; more are left out. */
#define SYMBOL_MAPS_MAX 4096

enum symbol_map_kind {
	MAP_FILE,     /* of a file */
	MAP_ANONYMOUS /* no file that has symbols: memory, memfd, [vdso] */
};

/* Executable memory. */
struct symbol_map {
	uint64_t start, end; /* addresses; the end is not in it */
	uint64_t offset;     /* in the file */
	uint64_t inode;
	uint32_t path; /* use symbol_maps_path() */
	bool is_deleted;
	uint8_t kind; /* enum symbol_map_kind */
};

struct symbol_maps {
	struct symbol_map *maps; /* by address, without overlaps */
	size_t count;
	char *paths;
	size_t paths_len;
};

/*
 * Reads the text of /proc/PID/maps: only what is executable. Lines that make no sense, or are not
 * in order, are left out, as is a last line without its end. Returns 0 or -ENOMEM; then *maps is
 * untouched.
 */
int symbol_maps_parse(struct symbol_maps *maps, const char *text, size_t len);
void symbol_maps_clear(struct symbol_maps *maps);

/* NULL if no executable memory is there. */
const struct symbol_map *symbol_maps_find(const struct symbol_maps *maps, uint64_t address);
/* "" where it has none. */
const char *symbol_maps_path(const struct symbol_maps *maps, const struct symbol_map *map);

#endif
