/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_REQUEST_H
#define TCPWATCH_SCAN_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "model/netns_set.h"

/* Which sockets to scan for, and where. All zero: none. */
struct scan_request {
	uint32_t states;	 /* bit n: state n */
	uint32_t table_states;	 /* states that are wanted of the TCP tables only, besides those */
	uint32_t mini_states;	 /* likewise of mini-sockets, which only the TCP tables have */
	bool descriptors;	 /* the descriptors of all processes, in all namespaces */
	bool queues;		 /* of listeners found by them, the beginnings of their queues */
	bool all_tables;	 /* the TCP tables of every network namespace that has a process */
	struct netns_set tables; /* ... or only those of these */
	/* The listeners of these namespaces, from their tables or by descriptors, whichever is
	 * cheaper; whoever scans decides. One that no descriptor holds may be missed then. */
	struct netns_set listeners;
};

/* All states. A socket in CLOSE is found by its descriptor only. */
#define SCAN_ALL_STATES (~0u)

static inline bool scan_request_tables(const struct scan_request *request)
{
	return request->all_tables || !netns_set_empty(&request->tables);
}

static inline bool scan_request_any(const struct scan_request *request)
{
	return request->descriptors || scan_request_tables(request) ||
	       !netns_set_empty(&request->listeners);
}

/* Whether the tables of this network namespace are wanted. */
static inline bool scan_request_has_netns(const struct scan_request *request, uint32_t netns)
{
	return request->all_tables || netns_set_has(&request->tables, netns);
}

/* The states that are wanted of descriptors, or else of TCP tables. */
static inline uint32_t scan_request_states(const struct scan_request *request, bool descriptors)
{
	return descriptors ? request->states : request->states | request->table_states;
}

#endif
