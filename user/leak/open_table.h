/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_OPEN_TABLE_H
#define TCPWATCH_LEAK_OPEN_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "leak/group.h"
#include "track/socket_table.h"

/* Reported leaks whose sockets are still open, by the handles of these: 16 bytes each, since there
 * may be a million. All zero is an empty table. */
struct leak_open_table {
	struct leak_open **chunks;
	size_t chunk_count;
};

struct leak_open {
	struct leak_group *group; /* that it is counted in; NULL = no such leak */
	uint64_t since_ns : 61;	  /* CLOCK_MONOTONIC: 73 years */
	uint64_t role : 2;	  /* as reported; the socket's may be learned later */
	uint64_t at_least : 1;	  /* it may be in CLOSE_WAIT for longer */
};

_Static_assert(sizeof(struct leak_open) == 16, "there may be a million");

/* Adds a leak that is counted in this group. Returns 0 or -ENOMEM. */
int leak_open_add(struct leak_open_table *table, const struct tcp_socket *socket,
		  struct leak_group *group, enum socket_role role);

/* NULL if there is none of this socket. */
struct leak_open *leak_open_find(const struct leak_open_table *table,
				 const struct tcp_socket *socket);

/* Removes one that was found. */
void leak_open_remove(struct leak_open *leak);

/* Walks over all: *handle is 0 before the first call, and then that of the socket. NULL after the
 * last one. */
const struct leak_open *leak_open_next(const struct leak_open_table *table, uint32_t *handle);

void leak_open_clear(struct leak_open_table *table);

#endif
