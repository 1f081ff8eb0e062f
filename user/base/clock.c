// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/units.h"

/* What this time namespace adds to the host's clocks, by which all records are made. */
static int64_t monotonic_offset_ns, boottime_offset_ns;

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

void clock_parse_offsets(FILE *offsets)
{
	long long seconds;
	long nanoseconds;
	char name[16];

	monotonic_offset_ns = boottime_offset_ns = 0;
	while (fscanf(offsets, "%15s %lld %ld", name, &seconds, &nanoseconds) == 3) {
		int64_t offset_ns = seconds * (int64_t)NS_PER_S + nanoseconds;

		if (!strcmp(name, "monotonic"))
			monotonic_offset_ns = offset_ns;
		else if (!strcmp(name, "boottime"))
			boottime_offset_ns = offset_ns;
	}
}

void clock_init(void)
{
	FILE *offsets = fopen("/proc/self/timens_offsets", "re");

	if (!offsets) /* a kernel without time namespaces */
		return;
	clock_parse_offsets(offsets);
	fclose(offsets);
}

uint64_t clock_here(uint64_t monotonic_ns)
{
	return monotonic_ns + (uint64_t)monotonic_offset_ns;
}

uint64_t clock_boottime_here(uint64_t boottime_ns)
{
	return boottime_ns + (uint64_t)boottime_offset_ns;
}

void clock_read(struct clock *clock)
{
	uint64_t wall = read_ns(CLOCK_REALTIME);

	clock->monotonic_to_wall_ns = (int64_t)(wall - clock_now());
	if (!clock->boottime_to_wall_ns) /* only once, so that a process keeps its start time */
		clock->boottime_to_wall_ns =
			(int64_t)(wall - read_ns(CLOCK_BOOTTIME)) + boottime_offset_ns;
}

uint64_t clock_now(void)
{
	return read_ns(CLOCK_MONOTONIC) - (uint64_t)monotonic_offset_ns;
}

uint64_t clock_tick_ns(void)
{
	struct timespec ts;

	clock_getres(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_nsec;
}

static const char *format_rfc3339(uint64_t wall_ns, char *text)
{
	/* Many records fall into the same second, and gmtime_r() takes the most time. */
	static time_t last_second = -1;
	static char date[24];
	time_t second = (time_t)(wall_ns / NS_PER_S);

	if (second != last_second) {
		struct tm tm;

		gmtime_r(&second, &tm);
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
		last_second = second;
	}
	snprintf(text, CLOCK_RFC3339_LEN, "%s.%09uZ", date, (unsigned int)(wall_ns % NS_PER_S));
	return text;
}

uint64_t clock_wall_ns(const struct clock *clock, uint64_t monotonic_ns)
{
	return monotonic_ns + (uint64_t)clock->monotonic_to_wall_ns;
}

const char *clock_format_rfc3339(const struct clock *clock, uint64_t monotonic_ns,
				 char text[CLOCK_RFC3339_LEN])
{
	return format_rfc3339(monotonic_ns + (uint64_t)clock->monotonic_to_wall_ns, text);
}

const char *clock_format_boottime(const struct clock *clock, uint64_t boottime_ns,
				  char text[CLOCK_RFC3339_LEN])
{
	return format_rfc3339(boottime_ns + (uint64_t)clock->boottime_to_wall_ns, text);
}

const char *clock_format_time(const struct clock *clock, uint64_t monotonic_ns,
			      char text[CLOCK_TIME_LEN])
{
	uint64_t wall_ns = monotonic_ns + (uint64_t)clock->monotonic_to_wall_ns;
	time_t second = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	localtime_r(&second, &tm);
	snprintf(text, CLOCK_TIME_LEN, "%02u:%02u:%02u.%06u", (unsigned int)tm.tm_hour % 100,
		 (unsigned int)tm.tm_min % 100, (unsigned int)tm.tm_sec % 100,
		 (unsigned int)(wall_ns % NS_PER_S / NS_PER_US));
	return text;
}

uint64_t clock_cpu_time(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}
