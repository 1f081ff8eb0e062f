/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COMPLETENESS_H
#define TCPWATCH_COMPLETENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "model/ledger.h"

/*
 * Whether a leak may have been missed, because records were lost.
 *
 * A gap is the time from the last look at the counters before a loss until the end of the next scan
 * of all sockets, which must have begun after the last loss of the gap. That scan finds all that
 * still exist. So what is missed began and ended within a gap. There are two ways to miss a leak:
 *
 * - Some records of its socket came. The one that ends CLOSE_WAIT names that state; where that one
 *   was lost, the socket is in the table, and the next scan does not find it. In both cases nobody
 *   knows when CLOSE_WAIT began, and the user of this calls completeness_doubt().
 * - All of its records were lost. These are three at least: that it was established, the peer's
 *   FIN, and the end of CLOSE_WAIT, the last two as far apart as the threshold. So it counts how
 *   long it was from the beginning of the gap until its last loss, not until the scan.
 *
 * If processes are followed, one may have begun without a record, and be watched by nobody, or may
 * have ended and left its sockets. What a process does is never among the records that the
 * network's interrupts would have written (ledger.interrupts); of others, which had no room in a
 * ring, a single one is too many.
 *
 * It is never known whose the lost records were.
 *
 * All zero but `threshold_ns` and `follows` is the start. Times are nanoseconds of CLOCK_MONOTONIC.
 */

/* Numbers of lost records on which leaks depend. */
struct losses {
	uint64_t all;
	uint64_t unknown; /* of which those that are not of interrupts */
};

struct completeness {
	/* Filled in by the caller. */
	uint64_t threshold_ns; /* from which time in CLOSE_WAIT on a socket leaks */
	bool follows;	       /* processes are followed, or their exits are judged */

	/* Set by the caller at the end. */
	bool unscanned; /* the last scan failed, and was needed */
	bool discarded; /* records that nobody has read, of any age */

	uint64_t looked_ns;
	struct losses looked; /* the counters then */
	uint64_t grew_ns;     /* when they were last seen to have grown: the last loss was before */
	struct {
		uint64_t from_ns; /* 0: there is none */
		struct losses before;
	} gap; /* the open one */
	struct {
		uint64_t from_ns; /* the last look before it began */
		struct losses before;
		bool settled; /* it began long enough after the last loss */
	} scan;
	uint64_t first_ns;   /* when the first gap began; 0: there was none */
	uint64_t longest_ns; /* of all gaps that are over */
	uint64_t doubt_ns;   /* when it was last seen that a leak may have been missed; 0: never */
};

/* So many records must be lost for a connection to leave no trace. */
#define COMPLETENESS_TRACELESS 3

/* A scan may still see the state before a record of this age: track/reconcile.c. */
#define COMPLETENESS_SETTLED_NS (10 * NS_PER_MS)

/* Takes note of the ledger, which was read after before_ns and until after_ns. The first call is
 * the beginning: what was lost before does not matter. */
void completeness_note(struct completeness *completeness, const struct ledger *ledger,
		       uint64_t before_ns, uint64_t after_ns);

/* A scan of all sockets begins. Call completeness_scanned() when the tables have what it found,
 * after completeness_note(); if it fails, call nothing. ended_ns is when the last socket was read.
 * Returns whether another one is needed. */
void completeness_scan_begins(struct completeness *completeness, uint64_t now_ns);
bool completeness_scanned(struct completeness *completeness, uint64_t ended_ns);

/*
 * A socket was in CLOSE_WAIT until until_ns, since since_ns at the latest, and not since after_ns
 * or before; nobody saw when that began. It would be a leak after least_ns. If a lost record may
 * hide that, a leak may have been missed.
 */
void completeness_doubt(struct completeness *completeness, uint64_t after_ns, uint64_t since_ns,
			uint64_t until_ns, uint64_t least_ns);

/* Whether the answer for the time from the start until now is incomplete. */
bool completeness_lacks(const struct completeness *completeness);

/* The same for the last COMPLETENESS_LATELY_MIN minutes only: what was missed before is closed. */
bool completeness_lacks_lately(const struct completeness *completeness, uint64_t now_ns);

#define COMPLETENESS_LATELY_MIN 10

#endif
