// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * stalls: when a processor stood still. On each, a thread that goes before all others sleeps for
 * two milliseconds. Where it is woken late, the processor was taken away from the whole system (by
 * a hypervisor or firmware), or the kernel held it. Prints "ready", then for each such time its
 * begin and end by CLOCK_MONOTONIC, in ns. Ends with stdin.
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MS     1000000ULL
#define LATE   (1 * MS)
#define PERIOD (2 * MS)

static uint64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000 * MS + (uint64_t)at.tv_nsec;
}

static void *watch(void *unused)
{
	uint64_t due = now() + PERIOD, woken;
	struct timespec at;

	for (;;) {
		at = (struct timespec){(time_t)(due / (1000 * MS)), (long)(due % (1000 * MS))};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		woken = now();
		if (woken > due + LATE)
			dprintf(1, "%llu %llu\n", (unsigned long long)due,
				(unsigned long long)woken);
		due = woken + PERIOD;
	}
	return unused;
}

int main(void)
{
	struct sched_param first = {.sched_priority = sched_get_priority_max(SCHED_FIFO)};
	cpu_set_t all, one;
	pthread_t thread;
	char text;

	if (sched_getaffinity(0, sizeof(all), &all) || mlockall(MCL_CURRENT | MCL_FUTURE) ||
	    sched_setscheduler(0, SCHED_FIFO, &first))
		return 1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		/* The thread inherits it. */
		if (sched_setaffinity(0, sizeof(one), &one) ||
		    pthread_create(&thread, NULL, watch, NULL))
			return 1;
	}
	dprintf(1, "ready\n");
	while (read(0, &text, 1) > 0)
		;
	return 0;
}
