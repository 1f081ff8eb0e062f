/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_WIRE_H
#define TCPWATCH_SYMBOL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* What main and worker say to each other: one packet for each request, one for its answer. */

/* Of one stack. */
#define SYMBOL_REQUEST_MAPS  64
#define SYMBOL_REQUEST_FILES 32
#define SYMBOL_PATHS_LEN     (16 << 10)
#define SYMBOL_ANSWER_FRAMES 192
#define SYMBOL_ANSWER_TEXT   (96 << 10)

/* Of a map or frame: no file. */
#define SYMBOL_NO_FILE UINT32_MAX

struct symbol_request_map {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	uint32_t file;	 /* index; SYMBOL_NO_FILE: memory, which a perf map may know */
	uint32_t reserved;
};

/* Descriptors come with it: one for each file with has_fd, in order, then that of the perf map. */
struct symbol_request {
	uint32_t stack;
	uint16_t frame_count, map_count, file_count;
	bool has_perf;
	bool has_fd[SYMBOL_REQUEST_FILES];
	uint64_t frames[EVENT_STACK_FRAMES];
	struct symbol_request_map maps[SYMBOL_REQUEST_MAPS];
	uint32_t paths_len;
	char paths[SYMBOL_PATHS_LEN]; /* of files, each with its 0; last: only what is used is sent
				       */
};

struct symbol_answer_frame {
	uint64_t ip, offset;
	uint32_t line;
	uint32_t file;			     /* index of the request; SYMBOL_NO_FILE */
	uint32_t function, source, build_id; /* where in the text; 0 = not known */
	uint32_t reserved;
};

struct symbol_answer_head {
	uint32_t stack;
	uint32_t count;
	uint32_t text_len;
	bool is_short;
	uint8_t reserved[3];
};

/* On the wire: the head, `count` frames, `text_len` bytes of texts that end with 0, "" first. */
struct symbol_answer {
	struct symbol_answer_head head;
	struct symbol_answer_frame frames[SYMBOL_ANSWER_FRAMES];
	char text[SYMBOL_ANSWER_TEXT];
};

/* Bytes to send of it. */
size_t symbol_request_size(const struct symbol_request *request);
/* Is what came a request, with paths for all its files? Checks every number that others lean on. */
bool symbol_request_check(const struct symbol_request *request, size_t size);
/* Its next path; begin with NULL. */
const char *symbol_request_path(const struct symbol_request *request, const char *previous);

void symbol_answer_begin(struct symbol_answer *answer, uint32_t stack);
/* Where the text is, now or before; 0 if there is no room. */
uint32_t symbol_answer_text(struct symbol_answer *answer, const char *text);
/* NULL if there is no room. */
struct symbol_answer_frame *symbol_answer_add(struct symbol_answer *answer);
/* Takes a packet apart, and checks it, for a request with so many files. Returns 0 or -EPROTO. */
int symbol_answer_read(struct symbol_answer *answer, const void *packet, size_t size,
		       uint32_t file_count);

#endif
