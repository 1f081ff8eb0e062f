/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_PAIRS_H
#define TCPWATCH_FINDING_PAIRS_H

#include "finding/subject.h"

/*
 * Connections with both ends on this host: finds the other ends of a subject's sockets, in the same
 * network namespace or another one. First the sockets are added, then every socket that may be
 * another end is shown.
 */
struct finding_pairs;

/* The most sockets that are added; the rest is left out. */
#define FINDING_PAIRS_LIMIT 16384

/* Returns NULL without memory. */
struct finding_pairs *finding_pairs_new(void);
void finding_pairs_free(struct finding_pairs *pairs);

/* Forgets all sockets. */
void finding_pairs_clear(struct finding_pairs *pairs);

bool finding_pairs_empty(const struct finding_pairs *pairs);

/* Adds a socket of the subject. */
void finding_pairs_add(struct finding_pairs *pairs, struct subject *subject,
		       const struct flow *flow);

/* Shows a socket that may be another end; process: its owner, NULL = unknown. Nothing keeps the
 * process: it must live until finding_pairs_tally(). */
void finding_pairs_show(struct finding_pairs *pairs, const struct flow *flow,
			const struct process *process);

/* The other ends of one subject's sockets. */
struct finding_pairs_found {
	uint64_t count;		       /* sockets whose other end is on this host */
	bool all;		       /* no socket was left out */
	const struct process *process; /* has most of those ends; NULL = unknown */
	unsigned int others;	       /* other processes that have some */
	uint32_t netns;		       /* of one end of the process; 0 = the socket's own */
};

void finding_pairs_tally(const struct finding_pairs *pairs, const struct subject *subject,
			 struct finding_pairs_found *found);

#endif
