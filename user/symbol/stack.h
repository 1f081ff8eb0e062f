/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_STACK_H
#define TCPWATCH_SYMBOL_STACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "symbol/call_site.h"
#include "symbol/file.h"
#include "symbol/address_space.h"
#include "symbol/string_pool.h"
#include "symbol/wire.h"

/* Executable memory that frames of a stack are in. */
struct symbol_stack_map {
	uint64_t start, end, offset;
	struct symbol_file *file; /* NULL: memory, or a file too many */
};

/* A stack on its way to names. */
struct symbol_stack {
	struct call_stack names; /* of no meaning before is_done */
	bool is_done;
	bool is_wanted; /* names were asked for */
	bool is_queued; /* waits for its process's mappings */
	bool is_placed; /* they were read, or could not be */
	uint8_t tries;	/* of the worker */
	uint8_t map_count;
	uint16_t frame_count;
	uint32_t exec_id;
	struct event_task task;
	uint32_t root, ns_pid;
	uid_t user;
	struct symbol_stack_map *maps;
	uint64_t frames[];
};

/* NULL without memory. */
struct symbol_stack *symbol_stack_new(const struct event_stack *e);
void symbol_stack_free(struct symbol_stack *stack);

/* Do the mappings have all its frames? */
bool symbol_stack_covered(const struct symbol_stack *stack, const struct address_space *space);
/* Notes what the frames are in. */
void symbol_stack_place(struct symbol_stack *stack, const struct address_space *space,
			struct symbol_files *files);

/* Writes the request and opens its files. Returns how many descriptors there are; the caller closes
 * them. */
size_t symbol_stack_ask(const struct symbol_stack *stack, uint32_t number,
			const struct symbol_files *files, struct symbol_request *request,
			int fds[SYMBOL_REQUEST_FILES + 1]);
/* The file behind a number in its request. */
struct symbol_file *symbol_stack_file(const struct symbol_stack *stack, uint32_t file);

/* These are its names. What was only for asking is given back. Without memory: none. */
struct symbol_stack *symbol_stack_answered(struct symbol_stack *stack,
					   const struct symbol_answer *answer,
					   struct string_pool *pool);
/* There is nobody to ask: modules and offsets are what is known. */
struct symbol_stack *symbol_stack_give_up(struct symbol_stack *stack);

#endif
