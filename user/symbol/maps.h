/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_MAPS_H
#define TCPWATCH_SYMBOL_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many mappings of a process are kept. */
#define SYMBOL_MAPS_MAX 4096

enum symbol_map_kind {
	MAP_FILE,     /* a file */
	MAP_ANONYMOUS /* memory, a memfd or [vdso]: there is no file with symbols */
};

/* A mapping of executable memory. */
struct symbol_map {
	uint64_t start, end; /* addresses [start, end) */
	uint64_t offset;     /* in the file */
	uint64_t inode;
	uint32_t path; /* for symbol_maps_path() */
	bool is_deleted;
	uint8_t kind; /* enum symbol_map_kind */
};

struct symbol_maps {
	struct symbol_map *maps; /* ordered by address, without overlaps */
	size_t count;
	char *paths;
	size_t paths_len;
};

/*
 * Parses the text of /proc/PID/maps, and keeps what is executable. Leaves out lines that cannot be
 * parsed or are out of order, and a last line without a newline. Returns 0, or -ENOMEM with *maps
 * untouched. The caller clears *maps.
 */
int symbol_maps_parse(struct symbol_maps *maps, const char *text, size_t len);
/* Keeps only the mappings that the places of these calls are in: `frames` are return addresses. */
void symbol_maps_keep(struct symbol_maps *maps, const uint64_t *frames, size_t count);
/* How many bytes the mappings take. */
size_t symbol_maps_bytes(const struct symbol_maps *maps);
/* Frees the mappings; *maps is empty then. */
void symbol_maps_clear(struct symbol_maps *maps);

/* Returns the mapping that contains the address, NULL if there is none. */
const struct symbol_map *symbol_maps_find(const struct symbol_maps *maps, uint64_t address);
/* The path of a mapping, "" where it has none. It is valid as long as *maps. */
const char *symbol_maps_path(const struct symbol_maps *maps, const struct symbol_map *map);

#endif
