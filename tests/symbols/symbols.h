/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TESTS_SYMBOLS_H
#define TCPWATCH_TESTS_SYMBOLS_H

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "symbol/symbolizer.h"

/* Makes the record of a stack of a running process, without frames yet. */
static inline struct event_stack stack_of_process(uint32_t pid)
{
	struct event_stack e = {
		.header = {.kind = EVENT_STACK, .version = EVENT_VERSION, .size = sizeof(e)},
		.cookie = 1,
		.task = {.tgid = pid},
		.how = STACK_ACCEPT};
	unsigned long long ticks = 0;
	char path[64], text[1024], *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return e;
	if (fgets(text, sizeof(text), file)) {
		at = strrchr(text, ')');
		for (int field = 2; at && field < 22; field++)
			at = strchr(at + 1, ' ');
		if (at)
			sscanf(at, " %llu", &ticks);
	}
	fclose(file);
	e.task.start_ns = ticks * (1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK));
	return e;
}

/* Waits for the names. Returns NULL after timeout_ms. */
static inline const struct call_stack *wait_for_names(struct call_sites *sites, uint32_t number,
						      int timeout_ms)
{
	struct pollfd wait = {.fd = sites->ops->fd(sites), .events = POLLIN};
	const struct call_stack *names = sites->ops->names(sites, number);

	while (!names && poll(&wait, 1, timeout_ms) > 0) {
		sites->ops->run(sites);
		names = sites->ops->names(sites, number);
	}
	return names;
}

#endif
