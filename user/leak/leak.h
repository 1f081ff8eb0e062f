/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_H
#define TCPWATCH_LEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leak/holders.h"
#include "model/flow.h"
#include "model/leak_kind.h"
#include "symbol/call_site.h"
#include "track/process_table.h"
#include "track/socket_table.h"

/* What was sent on a socket after the FIN of its peer. */
enum leak_sent {
	LEAK_SENT_UNKNOWN,
	LEAK_SENT_NOTHING, /* neither data nor anything that waits to be sent */
	LEAK_SENT_SOME
};

/* A leak as it is reported, or with LEAK_IDLE an idle connection. Valid during the call only. Times
 * are nanoseconds of CLOCK_MONOTONIC.
 */
struct leak {
	uint64_t time_ns;
	uint64_t cookie;
	uint64_t age_ns;	       /* in CLOSE_WAIT */
	bool age_at_least;	       /* the age is a lower bound: the entry was not seen */
	const struct process *process; /* NULL = no holder is known */
	const struct flow *flow;
	enum socket_role role;
	enum leak_kind kind;
	bool end_read;	     /* the queue proves that the end of stream was read */
	uint32_t recv_queue; /* bytes, the FIN counts 1 */
	uint32_t send_queue; /* bytes */
	enum leak_sent sent;
	uint64_t sent_ago_ns; /* with LEAK_SENT_SOME: when data was last sent; 0 = not known */
	const struct leak_holder *holders; /* LEAK_HOLDERS_NAMED at most */
	size_t holder_count;
	size_t holder_total;	     /* of which `holders` are the first ones */
	const struct flow *listener; /* LEAK_UNACCEPTED: in whose queue it waits; NULL = not known
				      */
	bool at_exit;		     /* its process exited and left it in CLOSE_WAIT */
	const struct call_stack *stack; /* where it was created; NULL = not known */
	uint32_t site;			/* the number of its call site (leak/group.h); 0 = none */
};

/* The end of a reported leak. Valid during the call only. */
struct leak_end {
	uint64_t time_ns; /* 0 if the end itself was not seen */
	uint64_t cookie;
	uint64_t age_ns; /* DURATION_UNKNOWN if the end itself was not seen */
	bool age_at_least;
	const struct process *process; /* NULL = no holder is known */
	const struct flow *flow;
	enum socket_role role; /* as in the report of the leak */
	enum leak_kind kind;
};

/* Functions that the leak watch calls. */
struct leak_hooks {
	void (*leaked)(void *context, const struct leak *leak);
	void (*ended)(void *context, const struct leak_end *end);
	/*
	 * A socket that was not reported leaves CLOSE_WAIT at until_ns (0: no record says when), in
	 * which it was since since_ns at the latest, because no record says since when. It would
	 * have been a leak after least_ns. May be NULL.
	 */
	void (*doubted)(void *context, const struct tcp_socket *socket, uint64_t since_ns,
			uint64_t until_ns, uint64_t least_ns);
	/* call_sites_ops.names() of symbol/call_site.h; NULL: no stacks are taken. */
	const struct call_stack *(*names)(void *context, uint32_t stack);
	/* Whether a leak is neither reported nor counted. NULL: none is ignored. */
	bool (*ignored)(void *context, const struct leak *leak);
	void *context;
};

#endif
