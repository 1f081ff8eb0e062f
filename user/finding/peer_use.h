/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PEER_USE_H
#define TCPWATCH_PEER_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"
#include "track/process_table.h"

/*
 * What clients did lately with their connections to each peer. At most 1,024 pairs of a process and
 * a peer are kept; those that did nothing for longest give way.
 */
struct peer_use;

/* The last 30 s, in slots of 5 s. */
#define PEER_SLOTS   6
#define PEER_SLOT_NS (5ULL * 1000000000)

/* A pause is quiet if it lasts this long, and this many times as long as the connections that the
 * client closed lately. */
#define PEER_QUIET_NS	 (100ULL * 1000000)
#define PEER_QUIET_LIVES 2

struct peer_slot {
	uint32_t opened;
	uint32_t closed;      /* by the client, first */
	uint64_t lifetime_ns; /* of those, all together */
	uint32_t timed;	      /* of those: with a known lifetime */
	uint32_t most;	      /* open at once */
	/* Quiet pauses, in which none was opened or closed, and how many were open in them. */
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
	bool synced;	  /* `open` is exact: older connections were counted, too */
	uint64_t last_ns; /* when one was last opened or closed */
	/* For the rule that looks at the sockets, during a look: */
	bool suspect;
	uint32_t counted;   /* open now */
	uint32_t kept;	    /* of those: open for long */
	uint64_t oldest_ns; /* age of the oldest one */
	struct process *process;
};

/* Returns NULL without memory. */
struct peer_use *peer_use_new(void);
void peer_use_free(struct peer_use *use);

/* A connection of a client opened, or ended, at time_ns (CLOCK_MONOTONIC). lifetime_ns:
 * DURATION_UNKNOWN where its start was not seen. by_client: the client closed first. Unknown
 * processes are left out. */
void peer_use_opened(struct peer_use *use, const struct process *process, const struct flow *flow,
		     uint64_t time_ns);
void peer_use_ended(struct peer_use *use, const struct process *process, const struct flow *flow,
		    uint64_t time_ns, uint64_t lifetime_ns, bool by_client);

/* Valid until the next peer_use_opened(). NULL if there is none. */
struct peer *peer_use_find(struct peer_use *use, const struct process *process,
			   const struct flow *flow);

/* Walks all peers; start with NULL, ends with NULL. */
struct peer *peer_use_next(struct peer_use *use, struct peer *previous);

/* All slots together, as of time_ns (CLOCK_MONOTONIC). */
struct peer_sum {
	struct peer_slot all; /* most: the largest one */
	unsigned int busy;    /* slots in which the client closed */
	unsigned int calm;    /* slots with quiet moments */
	uint64_t over_ns;     /* since the first slot with an event began */
};

struct peer_sum peer_sum(const struct peer *peer, uint64_t time_ns);

#endif
