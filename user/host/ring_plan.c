// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/ring_plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONLINE "/sys/devices/system/cpu/online"

/* A larger lane would not stay in the cache that a CPU has for itself. */
#define LANE_MOST (1U << 20)

static uint64_t power_of_two_within(uint64_t most)
{
	uint64_t power = 1;

	while (power * 2 <= most)
		power *= 2;
	return power;
}

struct ring_plan ring_plan_make(uint64_t ring_size, uint32_t cpus, size_t page)
{
	uint64_t each = ring_size / 4 / cpus, left = ring_size;
	struct ring_plan plan = {0};

	if (each >= page) {
		plan.lanes = cpus;
		plan.lane_size = (uint32_t)power_of_two_within(each < LANE_MOST ? each : LANE_MOST);
		left -= (uint64_t)plan.lanes * plan.lane_size;
	}
	while (plan.shared < EVENT_SHARED_RINGS && left >= page) {
		uint64_t size = power_of_two_within(left);

		plan.shared_sizes[plan.shared++] = (uint32_t)size;
		left -= size;
	}
	return plan;
}

uint64_t ring_plan_size(const struct ring_plan *plan)
{
	uint64_t size = (uint64_t)plan->lanes * plan->lane_size;

	for (uint32_t i = 0; i < plan->shared; i++)
		size += plan->shared_sizes[i];
	return size;
}

/* Reads a number and what follows it. Returns -1 if there is none. */
static int read_number(const char **text)
{
	unsigned long number;
	char *end;

	if (!isdigit((unsigned char)**text))
		return -1;
	number = strtoul(*text, &end, 10);
	*text = end;
	return number > INT32_MAX / 2 ? -1 : (int)number;
}

int cpu_list_parse(const char *list, bool *online, int count)
{
	int set = 0;

	memset(online, 0, (size_t)count * sizeof(*online));
	for (;;) {
		int first = read_number(&list), last = first;

		if (*list == '-') {
			list++;
			last = read_number(&list);
		}
		if (first < 0 || last < first)
			return -EINVAL;
		for (int cpu = first; cpu <= last && cpu < count; cpu++)
			online[cpu] = true;
		if (*list != ',')
			break;
		list++;
	}
	if (*list && strcmp(list, "\n") != 0)
		return -EINVAL;
	for (int cpu = 0; cpu < count; cpu++)
		set += online[cpu];
	return set;
}

int cpus_online(bool *online, int count)
{
	FILE *file = fopen(ONLINE, "re");
	char line[4096];
	int set = -EINVAL;

	if (file) {
		if (fgets(line, sizeof(line), file))
			set = cpu_list_parse(line, online, count);
		fclose(file);
	}
	if (set > 0)
		return set;
	for (int cpu = 0; cpu < count; cpu++)
		online[cpu] = true;
	return count;
}
