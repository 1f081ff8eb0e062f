// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* memory PID ADDRESS...: how much memory 10,000 different stacks of 16 such frames take with
 * names. */
#include <malloc.h>
#include <stdlib.h>

#include "base/clock.h"
#include "symbol/stack_table.h"
#include "symbols.h"

#define STACKS 10000
#define FRAMES 16

static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* Makes a different stack of the same functions for each number: its bits change the addresses. */
static void make_different(struct event_stack *e, const uint64_t *callers, size_t count,
			   uint32_t number)
{
	e->count = FRAMES;
	for (size_t i = 0; i < FRAMES; i++)
		e->frames[i] = callers[i % count] + (number >> (i % 8 * 2) & 3);
}

int main(int argc, char **argv)
{
	uint64_t callers[EVENT_STACK_FRAMES], begin_ns;
	struct stack_table *table = stack_table_new();
	size_t count = 0, frames = 0, before;
	struct call_sites *sites;
	struct event_stack e;

	if (argc < 3 || !table || symbolizer_new(&sites, false)) {
		fprintf(stderr, "usage: memory PID ADDRESS...\n");
		return EXIT_FAILURE;
	}
	e = stack_of_process((uint32_t)strtoul(argv[1], NULL, 10));
	for (int i = 2; i < argc && count < EVENT_STACK_FRAMES; i++)
		callers[count++] = strtoull(argv[i], NULL, 16);
	before = in_use();
	begin_ns = clock_now();
	for (uint32_t i = 1; i <= STACKS; i++) {
		const struct call_stack *names;
		uint32_t number;

		make_different(&e, callers, count, i);
		number = stack_table_add(table, &e).number;
		if (number != i)
			return EXIT_FAILURE;
		sites->ops->taken(sites, number, &e);
		names = wait_for_names(sites, number, 20000);
		if (!names)
			return EXIT_FAILURE;
		frames += names->count;
	}
	printf("%d stacks, %.1f frames each: %.1f MB, %.3f ms each\n", STACKS,
	       (double)frames / STACKS, (double)(in_use() - before) / (1 << 20),
	       (double)(clock_now() - begin_ns) / 1e6 / STACKS);
	sites->ops->free(sites);
	stack_table_free(table);
	return EXIT_SUCCESS;
}
