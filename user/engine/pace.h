/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PACE_H
#define TCPWATCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether records are taken in as fast as they come. Says on stderr where they are not, once, and
 * once that they are again. All zero is the beginning. */
struct pace {
	uint64_t behind_since_ns; /* 0: the last turn took in all that had come */
	uint64_t behind_ns;	  /* when the last turn did not */
	uint64_t said_since_ns;	  /* since when, of what was said; 0: nothing to be taken back */
};

/* After each turn: whether records were left for the next one, or had been for this one. Time is
 * CLOCK_MONOTONIC in ns. */
void pace_note(struct pace *pace, bool behind, uint64_t now_ns);

#endif
