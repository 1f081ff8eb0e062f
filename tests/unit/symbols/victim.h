/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/* Prints its callers, by frame pointers, and waits for the end of its input. */
#include <stdint.h>
#include <stdio.h>

#define VICTIM_FRAMES 20

static __attribute__((noinline)) void tell_callers(void)
{
	uintptr_t *frame = (uintptr_t *)__builtin_frame_address(0), *next;

	for (int i = 0; i < VICTIM_FRAMES && frame[1] > 4096; i++, frame = next) {
		printf("%lx ", (unsigned long)frame[1]);
		next = (uintptr_t *)frame[0];
		if (next <= frame || next > frame + 100000)
			break;
	}
	printf("\n");
	fflush(stdout);
	getchar();
}
