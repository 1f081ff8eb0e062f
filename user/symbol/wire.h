/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_WIRE_H
#define TCPWATCH_SYMBOL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* The messages between main and the worker: one packet for each request, one for its answer. Both
 * are of the same build, so numbers are in host byte order. */

/* The most that a request or its answer has, for one stack. */
#define SYMBOL_REQUEST_MAPS  64
#define SYMBOL_REQUEST_FILES 32
#define SYMBOL_PATHS_LEN     (16 << 10)
#define SYMBOL_ANSWER_FRAMES 192
#define SYMBOL_ANSWER_TEXT   (96 << 10)

/* The index of a mapping or frame that has no file. */
#define SYMBOL_NO_FILE UINT32_MAX

struct symbol_request_map {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	uint32_t file;	 /* index; SYMBOL_NO_FILE: memory, which a perf map may name */
	uint32_t reserved;
};

/* Descriptors come with the packet: one for each file with has_fd, in order, then that of the perf
 * map. */
struct symbol_request {
	uint32_t stack;
	uint16_t frame_count, map_count, file_count;
	bool has_perf;
	bool has_fd[SYMBOL_REQUEST_FILES];
	uint64_t frames[EVENT_STACK_FRAMES];
	struct symbol_request_map maps[SYMBOL_REQUEST_MAPS];
	uint32_t paths_len;
	char paths[SYMBOL_PATHS_LEN]; /* of files, each with its 0. The last member, since
					 only the used part is sent */
};

struct symbol_answer_frame {
	uint64_t ip, offset;
	uint32_t line;
	uint32_t file;			     /* index of the request; SYMBOL_NO_FILE */
	uint32_t function, source, build_id; /* offsets in the text; 0: not known */
	uint32_t reserved;
};

struct symbol_answer_head {
	uint32_t stack;
	uint32_t count;
	uint32_t text_len;
	bool is_short;
	uint8_t reserved[3];
};

/* The packet has the head, `count` frames and `text_len` bytes of text. The text is strings that
 * end with a 0; the first one is "". */
struct symbol_answer {
	struct symbol_answer_head head;
	struct symbol_answer_frame frames[SYMBOL_ANSWER_FRAMES];
	char text[SYMBOL_ANSWER_TEXT];
};

/* How many bytes of the request are sent. */
size_t symbol_request_size(const struct symbol_request *request);
/* Whether `size` bytes that were received are a request with a path for each file. Checks every
 * number that is used as an index or a length. */
bool symbol_request_check(const struct symbol_request *request, size_t size);
/* Returns the path behind `previous` in a checked request; the first one for NULL. */
const char *symbol_request_path(const struct symbol_request *request, const char *previous);

/* Makes an answer without frames. */
void symbol_answer_begin(struct symbol_answer *answer, uint32_t stack);
/* Adds a text, unless the answer has it. Returns its offset; 0 if there is no room. */
uint32_t symbol_answer_text(struct symbol_answer *answer, const char *text);
/* Adds a zeroed frame without a file. Returns NULL if there is no room. */
struct symbol_answer_frame *symbol_answer_add(struct symbol_answer *answer);
/* Copies a packet to *answer, and checks it against a request with `file_count` files. Returns 0,
 * or -EPROTO with *answer undefined. */
int symbol_answer_read(struct symbol_answer *answer, const void *packet, size_t size,
		       uint32_t file_count);

#endif
