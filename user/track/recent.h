/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RECENT_H
#define TCPWATCH_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"

#define RECENT_SLOTS 32

/*
 * The last few things that happened to a connection, for what the kernel tells in two records that
 * share no cookie. All zero is empty.
 */
struct recent {
	struct recent_flow {
		struct flow flow;
		uint64_t time_ns;
		uint64_t age_ns;
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

/* Was it called for these ends, in the `within_ns` before time_ns? */
bool recent_connected(const struct recent *recent, const struct flow *flow, uint64_t time_ns,
		      uint64_t within_ns);

/* A request became a connection after age_ns in SYN_RECV. */
void recent_add_completion(struct recent *recent, const struct flow *flow, uint64_t time_ns,
			   uint64_t age_ns);

/* Finds and forgets that age, of the `within_ns` before time_ns. Returns false if there is none. */
bool recent_take_completion(struct recent *recent, const struct flow *flow, uint64_t time_ns,
			    uint64_t within_ns, uint64_t *age_ns);

/* The peer's FIN reached a mini-socket that nothing was told of yet. */
void recent_add_fin(struct recent *recent, uint64_t cookie, uint64_t time_ns);

/* Finds and forgets when that was. Returns false if it was not. */
bool recent_take_fin(struct recent *recent, uint64_t cookie, uint64_t *time_ns);

#endif
