/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEDGER_H
#define TCPWATCH_LEDGER_H

#include <stdint.h>

/* Why a record did not reach user space. */
enum lost_reason {
	LOST_RING_FULL, /* the ring buffer was full */
	LOST_RECURSION, /* the kernel did not run a BPF program because it ran on this CPU already
			 */
	LOST_MALFORMED, /* the record did not pass event_check() */
	LOST_REASONS
};

/* Numbers of records. When the ring is empty, seen is delivered plus all lost ones. */
struct ledger {
	uint64_t seen;
	uint64_t delivered;
	uint64_t lost[LOST_REASONS];
	/* Of LOST_RECURSION: those on which no leak depends, */
	uint64_t aside;
	/* and those that an interrupt of the network would have written: a process did nothing
	   that is among these. */
	uint64_t interrupts;
};

/* The name in outputs, a static string. */
const char *lost_reason_name(enum lost_reason reason);

/* The sum of lost[]. */
uint64_t ledger_lost(const struct ledger *ledger);

#endif
