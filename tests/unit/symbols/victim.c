// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "victim.h"

/* The test expects these lines: LINE_... in test_symbolizer.c. */
static inline __attribute__((always_inline)) int inlined_deep(int socket)
{
	tell_callers();
	return socket + 1;
}

static inline __attribute__((always_inline)) int inlined(int socket)
{
	int result = inlined_deep(socket);

	return result * 3;
}

__attribute__((noinline)) int handle_conn(int socket)
{
	int result = inlined(socket);

	__asm__ volatile("");
	return result * 2;
}

int main(int argc, char **argv)
{
	int result = handle_conn(argc);

	(void)argv;
	return result == 12345;
}
