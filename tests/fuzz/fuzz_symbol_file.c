// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as a program or library whose addresses are looked up, as the worker does it: ELF,
 * DWARF, CFI and Go's tables, of a file that stands behind a mapping. What comes of it must be an
 * answer that main accepts.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/lookup.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

/* Where the file is mapped, and how many of its addresses are looked up. */
#define BASE	   0x400000
#define ADDRESSES  32
#define NEAR_ENTRY 12

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	return fd;
}

/* Offsets in the file: those behind the entry point, where it is mapped as it is in the file, and
 * others all over it. */
static void choose(struct symbol_request *request, const uint8_t *data, size_t size)
{
	uint64_t entry = 0;

	if (size >= sizeof(Elf64_Ehdr))
		memcpy(&entry, data + offsetof(Elf64_Ehdr, e_entry), sizeof(entry));
	for (size_t i = 0; i < ADDRESSES; i++)
		request->frames[i] =
			BASE + 1 +
			(i < NEAR_ENTRY ? (entry & 0xfffff) + i * 5
					: size * (i - NEAR_ENTRY) / (ADDRESSES - NEAR_ENTRY));
	request->frame_count = ADDRESSES;
	request->maps[0] =
		(struct symbol_request_map){.start = BASE, .end = BASE + (1 << 24), .offset = 0};
	request->map_count = 1;
}

/* The packet of an answer, as the worker sends it. */
static void check_answer(const struct symbol_answer *answer)
{
	static struct symbol_answer again;
	size_t frames = answer->head.count * sizeof(answer->frames[0]);
	size_t size = sizeof(answer->head) + frames + answer->head.text_len;
	char *packet = malloc(size);

	CHECK(packet);
	memcpy(packet, &answer->head, sizeof(answer->head));
	memcpy(packet + sizeof(answer->head), answer->frames, frames);
	memcpy(packet + sizeof(answer->head) + frames, answer->text, answer->head.text_len);
	CHECK(!symbol_answer_read(&again, packet, size, 1));
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct symbol_request request;
	static struct symbol_answer answer;
	static _Atomic uint32_t progress;
	struct symbol_lookup *lookup = symbol_lookup_new(&progress);
	int fds[SYMBOL_REQUEST_FILES];

	CHECK(lookup);
	memset(&request, 0, sizeof(request));
	for (size_t i = 0; i < SYMBOL_REQUEST_FILES; i++)
		fds[i] = -1;
	request.stack = 7;
	request.file_count = 1;
	request.has_fd[0] = true;
	strcpy(request.paths, "/nowhere/file");
	request.paths_len = (uint32_t)strlen(request.paths) + 1;
	choose(&request, data, size);
	CHECK(symbol_request_check(&request, symbol_request_size(&request)));
	fds[0] = file_of(data, size);
	symbol_lookup_answer(lookup, &request, fds, -1, &answer);
	CHECK(answer.head.stack == 7 && progress == SYMBOL_NO_FILE);
	check_answer(&answer);
	symbol_lookup_free(lookup);
	return 0;
}
