/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_STACK_H
#define TCPWATCH_SYMBOL_STACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "symbol/call_site.h"
#include "symbol/file.h"
#include "symbol/address_space.h"
#include "symbol/shared_names.h"
#include "symbol/string_pool.h"
#include "symbol/wire.h"

/* A mapping that frames of a stack are in. */
struct symbol_stack_map {
	uint64_t start, end, offset;
	struct symbol_file *file; /* NULL: memory; else a use of it */
};

/* A stack on its way to its names. */
struct symbol_stack {
	struct call_stack names;	   /* meaningless before is_done */
	const struct shared_names *shared; /* a use of the names; NULL: they are this stack's own */
	struct shared_names_table *table;  /* which these are in */
	bool is_done;
	bool is_wanted;	 /* the caller asked for the names */
	bool is_queued;	 /* it waits until its process's mappings are read */
	bool is_refused; /* there was no room for what its names need: it gets no frames, since the
			    site would be that of the frames that happen to be known */
	bool is_placed;	 /* the mappings were read, or cannot be read */
	uint8_t tries;	 /* how many times it was sent to the worker in vain */
	uint8_t map_count;
	uint16_t frame_count;
	uint32_t number; /* symbol/stack_table.h */
	uint32_t exec_id;
	struct event_task task;
	uint32_t root, ns_pid;
	uid_t user;
	struct symbol_stack_map *maps;
	uint64_t frames[];
};

/* Copies the frames of the record. Returns NULL without memory. */
struct symbol_stack *symbol_stack_new(uint32_t number, const struct event_stack *e);
/* `pool` is the one of its names. NULL is allowed for the stack. */
void symbol_stack_free(struct symbol_stack *stack, struct string_pool *pool);

/* Whether every frame is in a mapping of the address space. */
bool symbol_stack_covered(const struct symbol_stack *stack, const struct address_space *space);
/* Notes the mappings that the frames are in, and sets is_refused if there are too many files. */
void symbol_stack_place(struct symbol_stack *stack, const struct address_space *space,
			struct symbol_files *files);

/* Writes the request for the worker, opens its files, and makes its key. Returns how many
 * descriptors `fds` has; the caller closes them. */
size_t symbol_stack_ask(const struct symbol_stack *stack, const struct symbol_files *files,
			struct symbol_request *request, struct symbol_key *key,
			int fds[SYMBOL_REQUEST_FILES + 1]);
/* Returns the file with this index in the stack's request; NULL if there is none. */
struct symbol_file *symbol_stack_file(const struct symbol_stack *stack, uint32_t file);

/*
 * Sets the stack's names from the answer, and frees what only the request needed. Without memory,
 * and where the pool is full (then is_refused is set), the stack gets no frames. Other stacks with
 * this key share the names by the table. Returns the stack, which may have moved.
 */
struct symbol_stack *symbol_stack_answered(struct symbol_stack *stack,
					   const struct symbol_answer *answer,
					   struct shared_names_table *table,
					   const struct symbol_key *key, struct string_pool *pool);
/* The same with the names of another stack that has this key, if there are any. Returns NULL where
 * there are none, or without memory; the stack is unchanged then. */
struct symbol_stack *symbol_stack_share(struct symbol_stack *stack,
					struct shared_names_table *table,
					const struct symbol_key *key, struct string_pool *pool);
/* The same where there will be no answer: the stack gets modules and offsets only. */
struct symbol_stack *symbol_stack_give_up(struct symbol_stack *stack, struct string_pool *pool);

#endif
