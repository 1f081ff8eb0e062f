/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PEER_USE_H
#define TCPWATCH_PEER_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"
#include "track/process_table.h"

/*
 * What clients did lately with their connections to each peer: of so many pairs of a process and a
 * peer at most, in a fixed place; those that did nothing for longest give way.
 */
struct peer_use;

/* The last PEER_SLOTS * PEER_SLOT_NS, slot by slot. */
#define PEER_SLOTS   6
#define PEER_SLOT_NS (5ULL * 1000000000)

/* Quiet is what lasts so long, and so many times longer than the connections that are closed. */
#define PEER_QUIET_NS	 (100ULL * 1000000)
#define PEER_QUIET_LIVES 2

struct peer_slot {
	uint32_t opened;
	uint32_t closed;      /* by the client, first */
	uint64_t lifetime_ns; /* of those, all together */
	uint32_t timed;	      /* of those: whose lifetime is known */
	uint32_t most;	      /* open at once */
	/* Quiet moments, in which none was opened or closed: how many were open, */
	uint32_t quiet;
	uint32_t quiet_least;
	uint32_t quiet_most;
};

struct peer {
	uint32_t tgid; /* 0 = an empty place */
	uint64_t start_ns;
	struct flow flow; /* netns, family and remote end */
	uint64_t slot;	  /* number of the newest one since boot */
	struct peer_slot slots[PEER_SLOTS];
	uint32_t open;
	bool synced;	  /* open is true: older ones were counted, too */
	uint64_t last_ns; /* when one was last opened or closed */
	/* For whoever looks at the sockets, during his look: */
	bool suspect;
	uint32_t counted;   /* open now */
	uint32_t kept;	    /* of those: for long */
	uint64_t oldest_ns; /* age of the oldest */
	struct process *process;
};

struct peer_use *peer_use_new(void);
void peer_use_free(struct peer_use *use);

/* The client's connection is open; it ended after lifetime_ns (DURATION_UNKNOWN where its start was
 * not seen), closed by the client first or not. */
void peer_use_opened(struct peer_use *use, const struct process *process, const struct flow *flow,
		     uint64_t time_ns);
void peer_use_ended(struct peer_use *use, const struct process *process, const struct flow *flow,
		    uint64_t time_ns, uint64_t lifetime_ns, bool by_client);

/* NULL if it is not known. */
struct peer *peer_use_find(struct peer_use *use, const struct process *process,
			   const struct flow *flow);

/* Walks them; start with NULL, ends with NULL. */
struct peer *peer_use_next(struct peer_use *use, struct peer *previous);

/* All slots together as of time_ns. */
struct peer_sum {
	struct peer_slot all; /* most: the most of one */
	unsigned int busy;    /* slots in which the client closed */
	unsigned int calm;    /* slots with quiet moments */
	uint64_t over_ns;     /* since the first that has anything began */
};

struct peer_sum peer_sum(const struct peer *peer, uint64_t time_ns);

#endif
