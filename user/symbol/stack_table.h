/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_STACK_TABLE_H
#define TCPWATCH_STACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/*
 * The stacks that were taken, each of them once: equal stacks of the same program of the same
 * process have one number. Numbers begin with 1 and never change.
 */
struct stack_table;

/* How many stacks are kept; they take some 40 MB at most. */
#define STACK_TABLE_LIMIT 65536

/* A stack as its record has it. */
struct stack {
	uint64_t start_ns; /* with tgid: identifies the process */
	uint32_t tgid;
	uint32_t exec_id; /* identifies the program that the process ran */
	uint16_t how;	  /* enum event_stack_how */
	uint16_t count;
	uint64_t frames[]; /* return addresses, innermost first */
};

/* Returns NULL without memory. */
struct stack_table *stack_table_new(void);
/* NULL is allowed. */
void stack_table_free(struct stack_table *table);

/*
 * Returns the number of the stack of a checked record, and sets *is_new where it was not known
 * before. Returns 0 where there is no room for a new one.
 */
uint32_t stack_table_add(struct stack_table *table, const struct event_stack *e, bool *is_new);

/* Returns the stack of a number, NULL for one that was not given out. Valid until the table is
 * freed. */
const struct stack *stack_table_get(const struct stack_table *table, uint32_t id);

/* How many stacks are kept. */
size_t stack_table_count(const struct stack_table *table);

/* How many times stack_table_add() had no room. */
uint64_t stack_table_refused(const struct stack_table *table);

#endif
