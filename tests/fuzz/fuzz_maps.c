// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as /proc/PID/maps, as a perf map and as a worker's answer. What was accepted must be in
 * order and be found; paths and names must end with a 0.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/maps.h"
#include "symbol/name.h"
#include "symbol/perf.h"
#include "symbol/wire.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void try_maps(const char *text, size_t size)
{
	struct symbol_maps maps;
	uint64_t last = 0;

	CHECK(!symbol_maps_parse(&maps, text, size));
	CHECK(maps.count <= SYMBOL_MAPS_MAX);
	for (size_t i = 0; i < maps.count; i++) {
		const struct symbol_map *map = &maps.maps[i];

		CHECK(map->start >= last && map->start < map->end);
		CHECK(symbol_maps_find(&maps, map->start) == map);
		CHECK(symbol_maps_find(&maps, map->end - 1) == map);
		CHECK(strlen(symbol_maps_path(&maps, map)) <= size);
		CHECK(map->kind == MAP_ANONYMOUS || *symbol_maps_path(&maps, map) == '/');
		last = map->end;
	}
	symbol_maps_clear(&maps);
}

static void try_perf(const char *text, size_t size)
{
	struct symbol_perf perf;
	char name[SYMBOL_NAME_LEN];
	char *copy = malloc(size + 1);
	uint64_t start;

	CHECK(copy);
	memcpy(copy, text, size);
	CHECK(!symbol_perf_parse(&perf, copy, size));
	for (size_t i = 0; i < perf.index.count; i++) {
		const char *found = symbol_perf_find(&perf, perf.index.ranges[i].low, &start);

		CHECK(found && start == perf.index.ranges[i].low);
		symbol_name_write(name, found);
		CHECK(strlen(name) < SYMBOL_NAME_LEN);
	}
	symbol_perf_clear(&perf);
}

static void try_answer(const void *packet, size_t size)
{
	static struct symbol_answer answer;
	size_t len = 0;

	if (symbol_answer_read(&answer, packet, size, 3))
		return;
	for (size_t i = 0; i < answer.head.count; i++) {
		len += strlen(answer.text + answer.frames[i].function);
		len += strlen(answer.text + answer.frames[i].source);
		len += strlen(answer.text + answer.frames[i].build_id);
		CHECK(answer.frames[i].file == SYMBOL_NO_FILE || answer.frames[i].file < 3);
	}
	CHECK(len <= size * 3 * SYMBOL_ANSWER_FRAMES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_maps((const char *)data, size);
	try_perf((const char *)data, size);
	try_answer(data, size);
	return 0;
}
