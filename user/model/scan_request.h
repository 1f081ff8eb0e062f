/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_REQUEST_H
#define TCPWATCH_SCAN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The TCP tables of which network namespaces. */
enum { SCAN_NO_TABLES, SCAN_ALL_TABLES, SCAN_LISTED_TABLES };

#define SCAN_NETNS_LIMIT 512

/* Which sockets to scan for, and where. */
struct scan_request {
	uint32_t states;       /* bit n: state n */
	uint32_t table_states; /* states that are wanted in TCP tables only, besides those */
	uint32_t mini_states;  /* likewise of mini-sockets, which only the TCP tables have */
	bool descriptors;      /* the descriptors of all processes, in all namespaces */
	unsigned int tables;   /* SCAN_ALL_TABLES: of every namespace that has a process */
	uint32_t netns[SCAN_NETNS_LIMIT]; /* with SCAN_LISTED_TABLES: in ascending order */
	size_t netns_count;
};

/* All states. A socket in CLOSE is found by its descriptor only. */
#define SCAN_ALL_STATES (~0u)

/* Adds the tables of a network namespace, unless all are wanted. If there are too many for the
 * list, all are wanted from then on. */
void scan_request_add_netns(struct scan_request *request, uint32_t netns);

/* Whether the tables of this network namespace are wanted. */
bool scan_request_has_netns(const struct scan_request *request, uint32_t netns);

/* The states that are wanted of descriptors, or else of TCP tables. */
static inline uint32_t scan_request_states(const struct scan_request *request, bool descriptors)
{
	return descriptors ? request->states : request->states | request->table_states;
}

#endif
