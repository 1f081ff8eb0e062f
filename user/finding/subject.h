/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_SUBJECT_H
#define TCPWATCH_FINDING_SUBJECT_H

#include "finding/finding.h"
#include "track/process_table.h"
#include "track/socket_table.h"
#include "base/trend.h"

/* Numbers that a rule keeps of a subject; each rule has names for its own. */
#define SUBJECT_NUMBERS 12

/*
 * What one rule knows of one subject: a process (NULL = all together, or unknown) and a place. All
 * numbers are 0 at first. Sockets are counted in `now`, records of a scan in `scanned`, transitions
 * in `ever`.
 */
struct subject {
	enum finding_id id;
	struct process *process;
	enum finding_place place;
	struct flow flow;		   /* what `place` does not name is 0 */
	uint64_t now[SUBJECT_NUMBERS];	   /* of this look; 0 at its beginning */
	uint64_t scanned[SUBJECT_NUMBERS]; /* of the last scan; 0 at the beginning of the next */
	uint64_t ever[SUBJECT_NUMBERS];
	uint64_t oldest_ns;	/* of this look: subject_age(); CLOCK_MONOTONIC, 0 = none */
	bool oldest_at_least;	/* it began before oldest_ns */
	struct trend trends[2]; /* the rule adds to them */
	uint64_t seen_ns;	/* when the rule last got it; SUBJECT_KEPT_NS later it is freed */
	struct process *blamed; /* subject_blame() */
	/* The finding, while there is one. */
	bool open;
	enum severity severity;
	uint64_t since_ns;
	uint64_t true_ns; /* when it was last true */
	const char *says; /* what was reported then; static */
	const char *advice;
	void *links; /* for subject.c */
};

/* The most subjects of one rule, of 1.5 KB each; further ones are refused until old ones are freed.
 * A listener in each of 500 network namespaces has room. */
#define SUBJECTS_LIMIT 1024

/* A subject without an open finding is freed when its rule has not got it for this long. */
#define SUBJECT_KEPT_NS (120ULL * 1000000000)

struct subjects;

/* Returns NULL without memory. */
struct subjects *subjects_new(void);
void subjects_free(struct subjects *subjects);

/*
 * Gets a subject of a rule, made if it is missing. Only the part of the flow that `place` names
 * counts; for PLACE_NONE flow may be NULL. The subject keeps the process from being freed. Returns
 * NULL at SUBJECTS_LIMIT or without memory.
 */
struct subject *subjects_get(struct subjects *subjects, enum finding_id id, struct process *process,
			     enum finding_place place, const struct flow *flow);

/* The same, but NULL if it is missing. */
struct subject *subjects_find(struct subjects *subjects, enum finding_id id,
			      const struct process *process, enum finding_place place,
			      const struct flow *flow);

/* Does the rule have any subject? */
bool subjects_any(const struct subjects *subjects, enum finding_id id);

/* subjects_get() for a process and a socket's peer. The peer of a client has its port; the peer of
 * a server, which uses another port for each connection, has port 0. */
struct subject *subjects_get_peer(struct subjects *subjects, enum finding_id id,
				  struct process *process, const struct tcp_socket *socket);

/* Begins a look at now_ns (CLOCK_MONOTONIC): empties `now` and the ages, and frees subjects that no
 * rule has got for SUBJECT_KEPT_NS. */
void subjects_begin(struct subjects *subjects, uint64_t now_ns);

/* Begins to show a scan: empties `scanned`. */
void subjects_begin_scan(struct subjects *subjects);

/* A socket of the subject entered its state at since_ns (CLOCK_MONOTONIC), or (at_least) before.
 * The oldest one is kept. */
void subject_age(struct subject *subject, uint64_t since_ns, bool at_least);

/* For a subject of all processes together: sets the process that causes most of it; NULL if none
 * dominates. The subject keeps the process from being freed. */
void subject_blame(struct subject *subject, struct process *process);

/* Walks all subjects; start with NULL, ends with NULL. */
struct subject *subjects_next(struct subjects *subjects, struct subject *previous);

#endif
