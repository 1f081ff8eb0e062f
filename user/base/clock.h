/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CLOCK_H
#define TCPWATCH_CLOCK_H

#include <stdint.h>

/* What to add to times of the kernel's clocks to get nanoseconds since 1970 UTC. */
struct clock {
	int64_t monotonic_to_wall_ns;
	int64_t boottime_to_wall_ns;
};

/* "2026-11-21T05:37:00.123456789Z" with its 0. */
#define CLOCK_RFC3339_LEN 40
/* "05:37:00.123456" with its 0. */
#define CLOCK_TIME_LEN 16

/*
 * Reads the clocks; again from time to time, since the wall clock may be set. The second offset is
 * read only once, into a zeroed clock: the start of a process does not move.
 */
void clock_read(struct clock *clock);

/* CLOCK_MONOTONIC in ns: the clock of all records. */
uint64_t clock_now(void);

/* Length of a kernel tick in ns (1/HZ), as the coarse clock's resolution shows it. */
uint64_t clock_tick_ns(void);

/* A monotonic time as nanoseconds since 1970 UTC. */
uint64_t clock_wall_ns(const struct clock *clock, uint64_t monotonic_ns);

/* A monotonic time as RFC 3339, in UTC with nanoseconds. Returns text. */
const char *clock_format_rfc3339(const struct clock *clock, uint64_t monotonic_ns,
				 char text[CLOCK_RFC3339_LEN]);
/* The same for a CLOCK_BOOTTIME time. */
const char *clock_format_boottime(const struct clock *clock, uint64_t boottime_ns,
				  char text[CLOCK_RFC3339_LEN]);

/* A monotonic time as local time of day with microseconds, for people. Returns text. */
const char *clock_format_time(const struct clock *clock, uint64_t monotonic_ns,
			      char text[CLOCK_TIME_LEN]);

#endif
