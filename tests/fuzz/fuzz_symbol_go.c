// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Any bytes as Go's table of functions, the runtime's data and relocations, behind two lengths. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/go_table.h"
#include "symbol/go.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* A part on the heap, in a block of its exact length. */
static struct symbol_go_part part_of(const uint8_t *data, size_t size, uint64_t address)
{
	uint8_t *bytes = malloc(size + !size);

	CHECK(bytes);
	memcpy(bytes, data, size);
	return (struct symbol_go_part){bytes, size, address};
}

static void look(const struct symbol_go *go, uint64_t address)
{
	struct symbol_found found[SYMBOL_INLINED_MAX + 1];
	size_t count = symbol_go_find(go, address, found);

	CHECK(count <= SYMBOL_INLINED_MAX + 1);
	for (size_t i = 0; i < count; i++) {
		CHECK(memchr(found[i].function, 0, sizeof(found[i].function)));
		CHECK(memchr(found[i].file, 0, sizeof(found[i].file)));
		CHECK(!found[i].line || *found[i].file);
		CHECK(found[i].offset <= address);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t sizes[2];
	struct symbol_go go = {.text = {NULL, 0x80, GO_TABLE_TEXT}};
	const uint8_t *at = data + sizeof(sizes);

	if (size < sizeof(sizes))
		return 0;
	memcpy(sizes, data, sizeof(sizes));
	size -= sizeof(sizes);
	if (sizes[0] > size || sizes[1] > size - sizes[0])
		return 0;
	go.table = part_of(at, sizes[0], GO_TABLE_AT);
	go.data[go.data_count++] = part_of(at + sizes[0], sizes[1], GO_TABLE_DATA);
	go.relocations[go.relocation_count++] =
		part_of(at + sizes[0] + sizes[1], size - sizes[0] - sizes[1], 0);
	if (symbol_go_start(&go)) {
		for (uint64_t i = 0; i < 0x90; i += 3)
			look(&go, GO_TABLE_TEXT + i);
		look(&go, UINT64_MAX);
	}
	free((void *)go.table.bytes);
	free((void *)go.data[0].bytes);
	free((void *)go.relocations[0].bytes);
	return 0;
}
