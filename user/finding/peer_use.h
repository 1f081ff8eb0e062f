/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PEER_USE_H
#define TCPWATCH_PEER_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"
#include "track/process_table.h"

/*
 * How often clients opened and closed connections to each peer lately. At most 1,024 pairs of a
 * process and a peer are kept. Beyond that, one that is opened often replaces the one that has been
 * idle for longest.
 */
struct peer_use;

/* The last 30 s are kept in slots of 5 s. */
#define PEER_SLOTS   6
#define PEER_SLOT_NS (5ULL * 1000000000)

/* A pause is quiet if it takes at least this long, and this many times the mean lifetime of the
 * connections that the client closed lately. */
#define PEER_QUIET_NS	 (100ULL * 1000000)
#define PEER_QUIET_LIVES 2

struct peer_slot {
	uint32_t opened;
	uint32_t closed;      /* closed first by the client */
	uint64_t lifetime_ns; /* the sum of their known lifetimes */
	uint32_t timed;	      /* how many of them have a known lifetime */
	uint32_t most;	      /* the most that were open at the same time */
	/* Quiet pauses: their number, and the least and most connections open in one. */
	uint32_t quiet;
	uint32_t quiet_least;
	uint32_t quiet_most;
};

struct peer {
	uint32_t tgid; /* 0 = an empty entry */
	uint64_t start_ns;
	struct flow flow; /* netns, family and remote end */
	uint64_t slot;	  /* the number of the newest slot since boot */
	struct peer_slot slots[PEER_SLOTS];
	uint32_t open;
	bool synced;	  /* `open` is exact: connections older than tcpwatch are included */
	uint64_t last_ns; /* when one was last opened or closed; CLOCK_MONOTONIC */
	/* Set by pool-thrash, for the duration of a look: */
	bool suspect;
	uint32_t counted;   /* the sockets that are open now */
	uint32_t kept;	    /* those of them that have been open for long */
	uint64_t oldest_ns; /* the age of the oldest one */
	struct process *process;
};

/* Returns NULL without memory. */
struct peer_use *peer_use_new(void);
void peer_use_free(struct peer_use *use);

/* Record that a connection of a client was opened, or ended, at time_ns (CLOCK_MONOTONIC).
 * lifetime_ns is DURATION_UNKNOWN if its start was not seen. by_client: the client closed first.
 * Connections of unknown processes are ignored. */
void peer_use_opened(struct peer_use *use, const struct process *process, const struct flow *flow,
		     uint64_t time_ns);
void peer_use_ended(struct peer_use *use, const struct process *process, const struct flow *flow,
		    uint64_t time_ns, uint64_t lifetime_ns, bool by_client);

/* Returns NULL if there is none. The peer stays the table's and is valid until the next
 * peer_use_opened(). */
struct peer *peer_use_find(struct peer_use *use, const struct process *process,
			   const struct flow *flow);

/* Walks all peers. Starts with NULL and returns NULL at the end. */
struct peer *peer_use_next(struct peer_use *use, struct peer *previous);

/* The sum of all slots that are not too old at time_ns (CLOCK_MONOTONIC). */
struct peer_sum {
	struct peer_slot all; /* `most` is the maximum, not the sum */
	unsigned int busy;    /* slots in which the client closed connections */
	unsigned int calm;    /* slots with quiet pauses */
	uint64_t over_ns;     /* time since the first slot with an event began */
};

struct peer_sum peer_sum(const struct peer *peer, uint64_t time_ns);

#endif
