/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_PAIRS_H
#define TCPWATCH_FINDING_PAIRS_H

#include "finding/subject.h"

/*
 * Both ends on one host: finds the other end of a subject's sockets, in their network namespace or
 * another one. First the sockets are added, then whatever could be their other ends is shown.
 */
struct finding_pairs;

/* So many sockets are looked for at once; the rest is not. */
#define FINDING_PAIRS_LIMIT 16384

/* NULL without memory. */
struct finding_pairs *finding_pairs_new(void);
void finding_pairs_free(struct finding_pairs *pairs);

/* Forgets all sockets: a look begins. */
void finding_pairs_clear(struct finding_pairs *pairs);

bool finding_pairs_empty(const struct finding_pairs *pairs);

/* A socket of the subject. */
void finding_pairs_add(struct finding_pairs *pairs, struct subject *subject,
		       const struct flow *flow);

/* The other end may be this; process: NULL = whose it is is not known. */
void finding_pairs_show(struct finding_pairs *pairs, const struct flow *flow,
			const struct process *process);

/* What was found of a subject. */
struct finding_pairs_found {
	uint64_t count;		       /* sockets with their other end here */
	bool all;		       /* of all its sockets, not of the first ones only */
	const struct process *process; /* who has most of those; NULL = not known */
	unsigned int others;	       /* processes that have some, besides */
	uint32_t netns;		       /* of one of the process's; 0 = that of the socket itself */
};

void finding_pairs_tally(const struct finding_pairs *pairs, const struct subject *subject,
			 struct finding_pairs_found *found);

#endif
