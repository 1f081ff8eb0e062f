/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_SUBJECT_H
#define TCPWATCH_FINDING_SUBJECT_H

#include "finding/finding.h"
#include "track/process_table.h"
#include "track/socket_table.h"
#include "base/trend.h"

/* Numbers that a rule keeps of a subject, for itself; each rule names its own. */
#define SUBJECT_NUMBERS 8

/*
 * What one rule knows of one subject: a process (NULL = all together, or unknown) and a place. All
 * numbers begin with 0. A rule that sees sockets adds to `now`, one that sees the records of a scan
 * to `scanned`, one that sees transitions to `ever`.
 */
struct subject {
	enum finding_id id;
	struct process *process;
	enum finding_place place;
	struct flow flow;		   /* what is not of the place is 0 */
	uint64_t now[SUBJECT_NUMBERS];	   /* of this look; 0 at its beginning */
	uint64_t scanned[SUBJECT_NUMBERS]; /* of the last scan; 0 at the beginning of the next */
	uint64_t ever[SUBJECT_NUMBERS];
	uint64_t oldest_ns;	/* of this look: subject_age(); CLOCK_MONOTONIC, 0 = none */
	bool oldest_at_least;	/* that one began before oldest_ns */
	struct trend trends[2]; /* what the rule adds to them */
	uint64_t seen_ns;	/* when a rule last asked for it; it goes when that is long ago */
	struct process *blamed; /* subject_blame() */
	/* The finding, while there is one. */
	bool open;
	enum severity severity;
	uint64_t since_ns;
	uint64_t true_ns; /* when it was last so */
	const char *says; /* ... and what was said then; static */
	const char *advice;
	void *links; /* the table's own */
};

/* So many are kept of each rule, at a kilobyte and a half; there are no more until old ones go. */
#define SUBJECTS_LIMIT 512

/* One that no rule asked for goes after this. */
#define SUBJECT_KEPT_NS (120ULL * 1000000000)

struct subjects;

struct subjects *subjects_new(void);
void subjects_free(struct subjects *subjects);

/*
 * The subject of a rule, made if need be, with the time of the last subjects_begin(). Only what
 * `place` names of the flow counts. Holds on to the process. NULL where there is no room.
 */
struct subject *subjects_get(struct subjects *subjects, enum finding_id id, struct process *process,
			     enum finding_place place, const struct flow *flow);

/* ... only if it is there. */
struct subject *subjects_find(struct subjects *subjects, enum finding_id id,
			      const struct process *process, enum finding_place place,
			      const struct flow *flow);

/* Has the rule any? */
bool subjects_any(const struct subjects *subjects, enum finding_id id);

/* ... of a process and a socket's peer: a client's with the port, a server's, who has another one
 * for each connection, without (0). */
struct subject *subjects_get_peer(struct subjects *subjects, enum finding_id id,
				  struct process *process, const struct tcp_socket *socket);

/* A look begins: empties `now` and the ages, lets those go that nobody asks for any more. */
void subjects_begin(struct subjects *subjects, uint64_t now_ns);

/* A scan begins: empties `scanned`. */
void subjects_begin_scan(struct subjects *subjects);

/* A socket of it entered its state at since_ns, or (at_least) before: the oldest counts. */
void subject_age(struct subject *subject, uint64_t since_ns, bool at_least);

/* Of one that is of all processes together: which one it is that does it; NULL = not just one.
 * Holds on to it. */
void subject_blame(struct subject *subject, struct process *process);

/* Walks all; start with NULL, ends with NULL. */
struct subject *subjects_next(struct subjects *subjects, struct subject *previous);

#endif
