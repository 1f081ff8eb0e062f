/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEDGER_H
#define TCPWATCH_LEDGER_H

#include <stdint.h>

/* Why a record did not reach user space. */
enum lost_reason {
	LOST_RING_FULL, /* no room in the ring */
	LOST_RECURSION, /* the kernel's guard kept the program from interrupting itself */
	LOST_MALFORMED, /* the record did not pass event_check() */
	LOST_REASONS
};

/* seen = delivered + the sum of lost, once the ring is empty. */
struct ledger {
	uint64_t seen;
	uint64_t delivered;
	uint64_t lost[LOST_REASONS];
};

const char *lost_reason_name(enum lost_reason reason);

uint64_t ledger_lost(const struct ledger *ledger);

#endif
