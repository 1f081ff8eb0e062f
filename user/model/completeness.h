/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COMPLETENESS_H
#define TCPWATCH_COMPLETENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/ledger.h"

/*
 * Whether so many records were lost that leaks may have been missed. A scan finds what is still
 * open, but what leaked and was closed between two scans has only records, and nobody knows whose
 * records were lost. A record that the kernel skips now and then (some tens in a million) makes no
 * answer incomplete.
 *
 * All zero is the start. Times are nanoseconds of CLOCK_MONOTONIC.
 */
struct completeness {
	uint64_t window_ns; /* when the running window began; 0: it has not */
	struct ledger window;
	uint64_t burst_ns; /* when the last window with too many losses ended; 0: none has */
	bool unscanned;	   /* the last scan failed */
};

/* At least this many records were lost, and this part of those in a second or of all. */
#define COMPLETENESS_LOST  3
#define COMPLETENESS_BURST 100
#define COMPLETENESS_SHARE 1000

/* Takes note of the ledger, any number of times a second. */
void completeness_note(struct completeness *completeness, const struct ledger *ledger,
		       uint64_t now_ns);

/* Whether the answer for the time from the start until now is incomplete. */
bool completeness_lacks(const struct completeness *completeness, const struct ledger *ledger);

/* The same for the last COMPLETENESS_LATELY only: older losses have been mended by scans, as far as
 * it matters to sockets that are open now. */
bool completeness_lacks_lately(const struct completeness *completeness, const struct ledger *ledger,
			       uint64_t now_ns);

#define COMPLETENESS_LATELY_MIN 10

#endif
