/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_STACK_TABLE_H
#define TCPWATCH_STACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/*
 * The stacks that were taken, each once: the same place in the same program of the same process has
 * one number. Numbers begin with 1 and stay.
 */
struct stack_table;

/* No more than this many are kept: some 40 MB at the most. */
#define STACK_TABLE_LIMIT 65536

/* One of them, as the record had it. */
struct stack {
	uint64_t start_ns; /* with tgid: which process */
	uint32_t tgid;
	uint32_t exec_id; /* which of its programs */
	uint16_t how;	  /* enum event_stack_how */
	uint16_t count;
	uint64_t frames[]; /* return addresses, innermost first */
};

/* NULL without memory. */
struct stack_table *stack_table_new(void);
void stack_table_free(struct stack_table *table);

/*
 * The number of the stack of a checked record. *is_new: it was not known before. 0 where there is
 * no room for a new one.
 */
uint32_t stack_table_add(struct stack_table *table, const struct event_stack *e, bool *is_new);

/* NULL for a number that was not given out. Valid until the table is freed. */
const struct stack *stack_table_get(const struct stack_table *table, uint32_t id);

/* How many are kept. */
size_t stack_table_count(const struct stack_table *table);

/* How many times there was no room. */
uint64_t stack_table_refused(const struct stack_table *table);

#endif
