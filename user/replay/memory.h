/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_MEMORY_H
#define TCPWATCH_REPLAY_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"

/*
 * What the lines of a log have given so far, so that a later line of the same socket or process can
 * leave it out.
 */
struct replay_memory;

struct replay_socket {
	struct event_flow flow; /* without flags */
	uint32_t netns;
	uint8_t state;	    /* after its last line; 0: unknown */
	size_t next_change; /* the item that changes it next, while the log is read backwards; 0:
			       none */
};

/* Returns NULL without memory. The caller frees it with replay_memory_free(). */
struct replay_memory *replay_memory_new(void);
void replay_memory_free(struct replay_memory *memory);

/* Returns the socket, zeroed if it is new, or NULL without memory. The memory owns it. */
struct replay_socket *replay_memory_socket(struct replay_memory *memory, uint64_t cookie);

/* Returns the process as a line has last described it, or NULL. The memory owns it. */
const struct event_task *replay_memory_task(struct replay_memory *memory, uint32_t pid);

/* Returns 0 or -ENOMEM. */
int replay_memory_add_task(struct replay_memory *memory, const struct event_task *task);

#endif
