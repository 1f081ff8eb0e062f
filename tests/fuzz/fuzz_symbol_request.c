// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as a request to the worker. One that is accepted must have what it promises within its
 * bytes, and is answered, though no file comes with it. The last bytes are the numbers that decide
 * about it, so that small changes make others.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/lookup.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define HEAD offsetof(struct symbol_request, paths)

/* The numbers that symbol_request_check() looks at first. */
struct numbers {
	uint8_t kind; /* odd: these numbers and maps count; even: the bytes as they are */
	uint8_t frames, maps, files;
	uint16_t paths_len;
};

/* Fills in numbers, addresses and mappings that mostly agree. */
static void write_numbers(struct symbol_request *request, const struct numbers *numbers)
{
	request->frame_count = numbers->frames;
	request->map_count = numbers->maps;
	request->file_count = numbers->files;
	request->paths_len = numbers->paths_len;
	for (size_t i = 0; i < SYMBOL_REQUEST_MAPS; i++) {
		struct symbol_request_map *map = &request->maps[i];

		map->start &= 0xff000;
		map->end = map->start + (map->end & 0x1ffff);
		if (map->file >> 24)
			map->file = map->file >> 31 ? SYMBOL_NO_FILE : map->file & 31;
	}
	for (size_t i = 0; i < EVENT_STACK_FRAMES; i++)
		request->frames[i] &= 0xfffff;
}

static void answer_it(const struct symbol_request *request)
{
	static struct symbol_answer answer;
	static _Atomic uint32_t progress = SYMBOL_NO_FILE;
	struct symbol_lookup *lookup = symbol_lookup_new(&progress);
	int fds[SYMBOL_REQUEST_FILES];

	CHECK(lookup);
	for (size_t i = 0; i < SYMBOL_REQUEST_FILES; i++)
		fds[i] = -1;
	symbol_lookup_answer(lookup, request, fds, -1, &answer);
	CHECK(answer.head.count <= request->frame_count && progress == SYMBOL_NO_FILE);
	symbol_lookup_free(lookup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbol_request *request;
	struct numbers numbers = {0};
	const char *path = NULL;
	size_t length = 0;

	if (size >= sizeof(numbers)) {
		size -= sizeof(numbers);
		memcpy(&numbers, data + size, sizeof(numbers));
	}
	/* The receiver has room for a whole one; what was not received is not 0. */
	request = malloc(sizeof(*request));
	CHECK(request);
	memset(request, 0x55, sizeof(*request));
	memcpy(request, data, size < sizeof(*request) ? size : sizeof(*request));
	if (numbers.kind & 1) {
		write_numbers(request, &numbers);
		size = HEAD + numbers.paths_len;
	}
	if (symbol_request_check(request, size)) {
		CHECK(size <= sizeof(*request) && symbol_request_size(request) == size);
		CHECK(request->file_count <= SYMBOL_REQUEST_FILES);
		for (size_t i = 0; i < request->file_count; i++) {
			path = symbol_request_path(request, path);
			length += strlen(path) + 1;
		}
		CHECK(length == request->paths_len);
		answer_it(request);
	}
	free(request);
	return 0;
}
