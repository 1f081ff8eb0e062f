/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_RESULT_H
#define TCPWATCH_SCAN_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "model/accept_queues.h"
#include "model/scan_request.h"
#include "model/tcp_state.h"

/* The result of a scan: checked records. After scan_result_finish() the records of a socket are
 * together, those of its descriptors first. */
struct scan_result {
	struct event_scan *records;
	size_t count;
	size_t capacity;
	uint64_t started_ns; /* CLOCK_MONOTONIC, before the first socket was read */
	uint64_t ended_ns;
	uint64_t tick_ns; /* length of a kernel tick, the unit of the records' *_ticks */
	uint32_t *seen; /* inode numbers of the network namespaces whose tables were read, sorted */
	size_t seen_count;
	uint32_t *unseen; /* of those that exist, but whose tables were not read */
	size_t unseen_count;
	bool others_gone;	 /* when it began, there was no network namespace but these */
	uint64_t descriptors_ns; /* CPU time that it took to read the descriptors, */
	uint64_t tables_ns;	 /* and the TCP tables; 0 = not known */
	size_t sockets;		 /* number of different sockets */
	size_t descriptors;	 /* number of descriptors that hold them */
	struct accept_queues queues;
	size_t *deep; /* indices of listeners whose queue is longer than what was read of it */
	size_t deep_count;
};

/* Adds a copy of a record of `size` bytes. Returns 0, -EPROTO for a record that event_check()
 * refuses or that is none of a scan, or -ENOMEM. */
int scan_result_add(struct scan_result *result, const void *record, size_t size);

/* Removes those of the records from number `from` on that are not wanted. */
void scan_result_keep(struct scan_result *result, size_t from,
		      bool (*wanted)(void *context, const struct event_scan *record),
		      void *context);

/* Adds a network namespace whose tables were read, or were not. Returns 0 or -ENOMEM. */
int scan_result_add_seen(struct scan_result *result, uint32_t netns);
int scan_result_add_unseen(struct scan_result *result, uint32_t netns);

/* Sorts and counts the records, after the last one was added. If more are added, it is called
 * again. Returns 0 or -ENOMEM. */
int scan_result_finish(struct scan_result *result);

/* Finds the records of a socket: sets *first to the first one and returns their number. 0 if there
 * are none; then *first is untouched. */
size_t scan_result_find(const struct scan_result *result, uint64_t cookie,
			const struct event_scan **first);

/* The number of records of the same socket, beginning with this one. */
size_t scan_result_group(const struct scan_result *result, const struct event_scan *first);

/* Whether the record is of a connection that waits for accept(). */
static inline bool event_scan_is_unaccepted(const struct event_scan *record)
{
	return record->header.kind == EVENT_SCAN_SOCKET && record->state != TCP_LISTEN &&
	       !(record->flow.flags & (EVENT_SK_SOCKET | EVENT_DEAD));
}

/*
 * The first record of the listener in whose accept queue an unaccepted connection waits; NULL if
 * that cannot be told. All queues are read from their beginning. What was not found in any of them
 * is further behind, in the only queue of the namespace that was not read in whole. Of several it
 * can be any: the address says nothing where connections are redirected.
 */
const struct event_scan *scan_result_listener(const struct scan_result *result,
					      const struct event_scan *connection);

/* Whether the TCP tables of this network namespace were read. */
bool scan_result_has_seen(const struct scan_result *result, uint32_t netns);

/* Whether a socket of this network namespace would have been found if it existed: its tables were
 * read, or it is gone. */
bool scan_result_covers(const struct scan_result *result, uint32_t netns);

/* Frees the memory of the result and leaves it empty. */
void scan_result_clear(struct scan_result *result);

#endif
