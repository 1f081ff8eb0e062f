/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_MEMORY_H
#define TCPWATCH_REPLAY_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

/*
 * What the lines of a log have said so far, so that a later line of the same socket or process need
 * not say it again.
 */
struct replay_memory;

struct replay_socket {
	struct event_flow flow; /* without flags */
	uint32_t netns;
	uint8_t state;	    /* that it was left in; 0 = not known */
	size_t next_change; /* where in the log it changes next, read backwards; 0 = nowhere */
};

struct replay_memory *replay_memory_new(void);
void replay_memory_free(struct replay_memory *memory);

/* Made, all zero, if it is new. NULL without memory. */
struct replay_socket *replay_memory_socket(struct replay_memory *memory, uint64_t cookie);

/* The process as it was last written out; NULL if it never was. */
const struct event_task *replay_memory_task(struct replay_memory *memory, uint32_t pid);

/* Returns 0 or -ENOMEM. */
int replay_memory_add_task(struct replay_memory *memory, const struct event_task *task);

#endif
