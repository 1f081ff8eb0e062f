/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_STACK_TABLE_H
#define TCPWATCH_STACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/*
 * The stacks that were taken, each of them once: equal stacks of the same program of the same
 * process have one number. (Two processes of one program have different addresses, as a rule: the
 * kernel places programs at random.) Numbers begin with 1. A stack that no socket uses is kept
 * until its place is needed; its number is not given out again soon.
 */
struct stack_table;

/* How many stacks are kept; they take some 40 MB at most. */
#define STACK_TABLE_LIMIT 65536
/* How many of them need be stacks that no socket uses, in a daemon. */
#define STACK_TABLE_UNUSED 16384

/* A number has the place of the stack in these bits, from 1, and above them how often the place was
 * given to another stack. */
#define STACK_PLACE_BITS    17
#define STACK_PLACE(number) ((number) & ((1U << STACK_PLACE_BITS) - 1))

_Static_assert(STACK_TABLE_LIMIT < 1U << STACK_PLACE_BITS, "every place has its number");

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
/* From now on a new stack takes the place of one that is unused for longest, if there are as many
 * of these. Else it does so only when the table is full. */
void stack_table_bound_unused(struct stack_table *table, size_t most);
/* NULL is allowed. */
void stack_table_free(struct stack_table *table);

/* What stack_table_add() did. */
struct stack_added {
	uint32_t number;  /* 0: there is no room, since open sockets use all stacks */
	uint32_t dropped; /* an unused stack that had to leave its place; 0: none */
	bool is_new;	  /* the stack was not known before */
};

/* Finds or adds the stack of a checked record, and counts one use more of it. */
struct stack_added stack_table_add(struct stack_table *table, const struct event_stack *e);
/* Takes back one use of a stack. 0 is allowed. */
void stack_table_release(struct stack_table *table, uint32_t number);

/* Returns the stack of a number, NULL for one that was not given out or was dropped. Valid until
 * that stack has no use any more. */
const struct stack *stack_table_get(const struct stack_table *table, uint32_t number);

/* How many stacks are kept. */
size_t stack_table_count(const struct stack_table *table);

/* How many times stack_table_add() had no room. */
uint64_t stack_table_refused(const struct stack_table *table);

#endif
