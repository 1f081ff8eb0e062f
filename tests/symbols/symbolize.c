// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* symbolize PID ADDRESS...: prints what tcpwatch -s finds for a stack of these return addresses.
 * With SYMBOLIZE_HOLD set it then waits for the end of its input, so that a test can look at its
 * processes. */
#include <stdlib.h>

#include "base/clock.h"
#include "symbols.h"

static void print_frame(const struct call_frame *frame)
{
	printf("%#jx %s+%#jx %s:%u (%s) [%s]\n", (uintmax_t)frame->ip,
	       frame->function ? frame->function : "?", (uintmax_t)frame->offset,
	       frame->file ? frame->file : "?", frame->line, frame->module ? frame->module : "?",
	       frame->build_id ? frame->build_id : "");
}

int main(int argc, char **argv)
{
	struct call_sites *sites;
	const struct call_stack *names;
	struct event_stack e;
	uint64_t begin_ns;
	int err;

	if (argc < 3) {
		fprintf(stderr, "usage: symbolize PID ADDRESS...\n");
		return EXIT_FAILURE;
	}
	e = stack_of_process((uint32_t)strtoul(argv[1], NULL, 10));
	for (int i = 2; i < argc && e.count < EVENT_STACK_FRAMES; i++)
		e.frames[e.count++] = strtoull(argv[i], NULL, 16);
	err = symbolizer_new(&sites, getenv("DEBUGINFOD_URLS") != NULL);
	if (err) {
		fprintf(stderr, "symbolize: %s\n", strerror(-err));
		return EXIT_FAILURE;
	}
	for (uint32_t number = 1; number <= 2; number++) {
		begin_ns = clock_now();
		sites->ops->taken(sites, number, &e);
		names = wait_for_names(sites, number, 20000);
		fprintf(stderr, "%s: %.3f ms\n", number == 1 ? "first" : "next",
			(double)(clock_now() - begin_ns) / 1e6);
		e.how = STACK_CONNECT;
	}
	for (size_t i = 0; names && i < names->count; i++)
		print_frame(&names->frames[i]);
	if (names && names->is_short)
		printf("short\n");
	if (getenv("SYMBOLIZE_HOLD")) {
		puts("held");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
	sites->ops->free(sites);
	return names ? EXIT_SUCCESS : EXIT_FAILURE;
}
