/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RECENT_H
#define TCPWATCH_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"

/* How many events of each kind are kept. */
#define RECENT_SLOTS 32

/*
 * The last events of three kinds, for facts that are spread over two records that share no cookie,
 * or come in the wrong order. All zero is empty. Times are nanoseconds of CLOCK_MONOTONIC.
 */
struct recent {
	struct recent_flow {
		struct flow flow;
		uint64_t time_ns; /* 0 = none */
		uint64_t age_ns;  /* of a completion */
	} connects[RECENT_SLOTS], completions[RECENT_SLOTS];
	struct recent_fin {
		uint64_t cookie; /* 0 = none */
		uint64_t time_ns;
	} fins[RECENT_SLOTS];
	unsigned int next_connect;
	unsigned int next_completion;
	unsigned int next_fin;
};

/* connect() was called; the local port may not be chosen yet. */
void recent_add_connect(struct recent *recent, const struct flow *flow, uint64_t time_ns);

/* Whether connect() was called for this flow, except perhaps its local port, in the within_ns
 * before time_ns. */
bool recent_connected(const struct recent *recent, const struct flow *flow, uint64_t time_ns,
		      uint64_t within_ns);

/* A request became a connection after age_ns in SYN_RECV. */
void recent_add_completion(struct recent *recent, const struct flow *flow, uint64_t time_ns,
			   uint64_t age_ns);

/* Finds and removes such a completion of the within_ns before time_ns, and sets *age_ns. Returns
 * false if there is none. */
bool recent_take_completion(struct recent *recent, const struct flow *flow, uint64_t time_ns,
			    uint64_t within_ns, uint64_t *age_ns);

/* The peer's FIN was received by a mini-socket that is not in the table yet. */
void recent_add_fin(struct recent *recent, uint64_t cookie, uint64_t time_ns);

/* Finds and removes such a FIN, and sets *time_ns. Returns false if there is none. */
bool recent_take_fin(struct recent *recent, uint64_t cookie, uint64_t *time_ns);

#endif
