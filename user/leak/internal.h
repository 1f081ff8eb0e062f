/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_INTERNAL_H
#define TCPWATCH_LEAK_INTERNAL_H

#include "base/deadline_heap.h"
#include "leak/idle.h"
#include "leak/report.h"

/* What the leak watch is made of: watch.c collects sockets, watch_judge.c judges them. */

struct leak_watch {
	struct tracker *tracker;
	uint64_t threshold_ns;
	bool strict;   /* leak_watch_be_strict() */
	bool exits;    /* leak_watch_report_exits() */
	bool last;     /* leak_watch_collect_last(): no leak waits for names any more */
	uint32_t head; /* list of handles of sockets in the order in which they entered CLOSE_WAIT,
			  which is the order of their deadlines */
	uint32_t tail;
	struct deadline_heap irregular; /* cookies of sockets found by a scan, or judged again */
	uint64_t *due;			/* cookies of sockets collected for judgement */
	size_t due_count;
	size_t due_capacity;
	struct {
		enum { JUDGE_NONE, JUDGE_IDLE, JUDGE_DUE, JUDGE_WITHDRAWN } part;
		size_t next;	/* of `due` */
		size_t missing; /* so far */
	} judging;
	struct leak_holders holders; /* of the socket that is being judged */
	struct leak_idle *idle;
	size_t undecided; /* idle connections of which that is true */
	uint64_t scans;	  /* leak_watch_wants() needs some idle connections of each */
	struct leak_reports reports;
};

/* Finds a socket that still waits for judgement. NULL: it was closed or reported meanwhile. */
struct tcp_socket *leak_watch_waiting(struct leak_watch *watch, uint64_t cookie);

/* Adds a socket to those that leak_watch_judge() judges. Returns false without memory. */
bool leak_watch_add_due(struct leak_watch *watch, uint64_t cookie);

/* Whether idle connections are told apart, and this may be one. */
bool leak_watch_may_be_idle(struct leak_watch *watch, const struct tcp_socket *socket);

/* Reports a connection as idle. `connection` is NULL if it was not added to watch->idle. */
void leak_watch_report_idle(struct leak_watch *watch, struct tcp_socket *socket,
			    struct process *process, struct idle_connection *connection,
			    const struct leak *leak);

#endif
