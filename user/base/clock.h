/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CLOCK_H
#define TCPWATCH_CLOCK_H

#include <stdint.h>
#include <stdio.h>

/* What to add to times of the kernel's clocks, in ns, to get nanoseconds since 1970 UTC. */
struct clock {
	int64_t monotonic_to_wall_ns;
	int64_t boottime_to_wall_ns;
};

/* Room for "2026-11-21T05:37:00.123456789Z" with its 0. */
#define CLOCK_RFC3339_LEN 40
/* Room for "05:37:00.123456" with its 0. */
#define CLOCK_TIME_LEN 16

/*
 * Reads how far the clocks of this process's time namespace differ from the host's:
 * time_namespaces(7). From then on all times below are the host's. Without it, they are taken to be
 * the same. Call it before there are threads.
 */
void clock_init(void);
/* The same from the lines of /proc/self/timens_offsets. */
void clock_parse_offsets(FILE *offsets);

/* A time of clock_now() as this process's own CLOCK_MONOTONIC has it: for timers. */
uint64_t clock_here(uint64_t monotonic_ns);
/* The host's CLOCK_BOOTTIME as this process sees it: for the start times in /proc/PID/stat. */
uint64_t clock_boottime_here(uint64_t boottime_ns);

/*
 * Reads the clocks. Call it again from time to time, since the wall clock may be set. The offset of
 * CLOCK_BOOTTIME is read only into a zeroed clock, so that the start time of a process stays the
 * same.
 */
void clock_read(struct clock *clock);

/* The time of CLOCK_MONOTONIC, the clock of all records, in ns. */
uint64_t clock_now(void);

/* The length of a kernel tick (1/HZ) in ns. It is the resolution of CLOCK_MONOTONIC_COARSE. */
uint64_t clock_tick_ns(void);

/* The CPU time that the calling thread has used, in ns. */
uint64_t clock_cpu_time(void);

/* Converts a time of CLOCK_MONOTONIC to nanoseconds since 1970 UTC. */
uint64_t clock_wall_ns(const struct clock *clock, uint64_t monotonic_ns);

/* Writes a time of CLOCK_MONOTONIC as RFC 3339, in UTC with nanoseconds. Returns text. */
const char *clock_format_rfc3339(const struct clock *clock, uint64_t monotonic_ns,
				 char text[CLOCK_RFC3339_LEN]);
/* The same for a time of CLOCK_BOOTTIME. */
const char *clock_format_boottime(const struct clock *clock, uint64_t boottime_ns,
				  char text[CLOCK_RFC3339_LEN]);

/* Writes a time of CLOCK_MONOTONIC as local time of day with microseconds. Returns text. */
const char *clock_format_time(const struct clock *clock, uint64_t monotonic_ns,
			      char text[CLOCK_TIME_LEN]);

#endif
