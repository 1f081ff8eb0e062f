// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * What a new command costs where the groups of metrics are full, so that another one is put out for
 * it.
 *
 *	groups LIMIT [COMMANDS]
 *
 * Prints CPU nanoseconds for each.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "metric/group.h"

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
	const struct metric_labels labels = {0};
	size_t limit = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long commands = argc > 2 ? strtoul(argv[2], NULL, 10) : 200000;
	struct metric_groups *groups = metric_groups_new(&labels, limit);
	double began = 0;

	if (!limit || !commands)
		errx(2, "usage: groups LIMIT [COMMANDS]");
	if (!groups)
		err(1, "groups");
	for (unsigned long i = 0; i < limit + commands; i++) {
		struct metric_key key = {0};
		char name[32];

		if (i == limit)
			began = cpu_ns();
		memcpy(key.comm, name,
		       (size_t)snprintf(name, sizeof(name), "job-%u", (unsigned int)i));
		metric_groups_set_time(groups, i + 1);
		metric_groups_get(groups, &key)->transitions[1][8]++;
	}
	printf("%.0f\n", (cpu_ns() - began) / (double)commands);
	metric_groups_free(groups);
	return 0;
}
