// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "go/table_header.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define MAGIC_1_16 0xfffffffaU
#define MAGIC_1_18 0xfffffff0U
#define MAGIC_1_20 0xfffffff1U

#define POINTER_SIZE 8

/* Little endian, as we are. */
static uint64_t word_at(const unsigned char *bytes, unsigned int word)
{
	uint64_t number;

	memcpy(&number, bytes + 8 + (size_t)word * 8, sizeof(number));
	return number;
}

int pclntab_header_read(const unsigned char bytes[PCLNTAB_HEADER_LEN], uint64_t size,
			struct pclntab_header *header)
{
	uint64_t *const parts[] = {&header->names, &header->units, &header->files,
				   &header->counters, &header->functions};
	unsigned int word = 2;
	uint32_t magic;

	memcpy(&magic, bytes, sizeof(magic));
	if ((magic != MAGIC_1_16 && magic != MAGIC_1_18 && magic != MAGIC_1_20) ||
	    bytes[7] != POINTER_SIZE)
		return -ENOENT;
	*header = (struct pclntab_header){
		.is_old = magic == MAGIC_1_16,
		.has_start_line = magic == MAGIC_1_20,
		.quantum = bytes[6],
		.count = word_at(bytes, 0),
	};
	if (!header->is_old)
		header->text = word_at(bytes, word++);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		*parts[i] = word_at(bytes, word++);
		if (*parts[i] >= size)
			return -ENOEXEC;
	}
	return header->count && header->count <= PCLNTAB_FUNCTIONS_MAX ? 0 : -ENOEXEC;
}
