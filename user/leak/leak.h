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

/* A leak, as it is reported. Valid during the call only. */
struct leak {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t cookie;
	uint64_t age_ns;	       /* in CLOSE_WAIT */
	bool age_at_least;	       /* it began before tcpwatch, or unseen */
	const struct process *process; /* NULL = nobody known holds it */
	const struct flow *flow;
	enum socket_role role;
	enum leak_kind kind;
	bool end_read; /* the queue proves that the end of stream was taken */
	uint32_t recv_queue;
	uint32_t send_queue;
	const struct leak_holder *holders;
	size_t holder_count;
	bool at_exit;			/* its process ended, and left it so */
	const struct call_stack *stack; /* where it was made; NULL = not known */
	uint32_t site;			/* leak/group.h: the number of its call site; 0 = none */
};

struct leak_end {
	uint64_t time_ns; /* 0 if the end itself was not seen */
	uint64_t cookie;
	uint64_t age_ns; /* DURATION_UNKNOWN if the end itself was not seen */
	bool age_at_least;
	const struct process *process;
	const struct flow *flow;
	enum leak_kind kind;
};

struct leak_hooks {
	void (*leaked)(void *context, const struct leak *leak);
	void (*ended)(void *context, const struct leak_end *end);
	/* call_sites_ops.names(); NULL: there are no stacks. */
	const struct call_stack *(*names)(void *context, uint32_t stack);
	/* Is it none to report, or count? NULL: each is. */
	bool (*ignored)(void *context, const struct leak *leak);
	void *context;
};

#endif
