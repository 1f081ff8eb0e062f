/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_RESULT_H
#define TCPWATCH_SCAN_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* What a scan of the kernel found: checked records, a socket's together, its descriptors first. */
struct scan_result {
	struct event_scan *records;
	size_t count;
	size_t capacity;
	uint64_t started_ns; /* CLOCK_MONOTONIC, before the first look */
	uint64_t ended_ns;
	uint64_t tick_ns; /* length of a kernel tick, the unit of the records' *_ticks */
	uint32_t *seen;	  /* network namespaces whose tables were read, by inode */
	size_t seen_count;
	bool some_unseen;   /* there are others, whose tables could not be read */
	size_t sockets;	    /* different ones */
	size_t descriptors; /* that hold them */
};

/* Which sockets to look for and where. */
struct scan_request {
	uint32_t states;      /* bit n: state n */
	uint32_t mini_states; /* the same for mini-sockets, which are in tables only */
	bool descriptors;     /* every process's descriptors */
	bool tables;	      /* the TCP tables of every network namespace that has a process */
};

/* All of them; CLOSE is seen by descriptor only. */
#define SCAN_ALL_STATES (~0u)

/* Adds a record. Returns 0, -EPROTO for one that event_check() refuses, or -ENOMEM. */
int scan_result_add(struct scan_result *result, const void *record, size_t size);
int scan_result_add_seen(struct scan_result *result, uint32_t netns);

/* Sorts and counts, after the last add. */
void scan_result_finish(struct scan_result *result);

/* The records of one socket: how many start at *first. 0 if it was not found. */
size_t scan_result_find(const struct scan_result *result, uint64_t cookie,
			const struct event_scan **first);

/* How many records, beginning with this one, are of the same socket. */
size_t scan_result_group(const struct scan_result *result, const struct event_scan *first);

/* Were the TCP tables of this network namespace read? */
bool scan_result_has_seen(const struct scan_result *result, uint32_t netns);

/* Would a socket of this network namespace have been found, if it existed? */
bool scan_result_covers(const struct scan_result *result, uint32_t netns);

/* Frees what it holds and empties it. */
void scan_result_clear(struct scan_result *result);

#endif
