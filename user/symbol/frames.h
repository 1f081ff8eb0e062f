/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_FRAMES_H
#define TCPWATCH_SYMBOL_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a function does for those who look for its caller. */
enum unwind_kind {
	UNWIND_UNKNOWN, /* its file does not tell */
	UNWIND_FRAME,	/* it has set the frame pointer */
	UNWIND_STACK	/* it has not: frame pointers jump over its caller */
};

struct symbol_cfi_rules {
	/* Of the instruction before this address. */
	enum unwind_kind (*kind)(void *context, uint64_t ip);
	/* May it be a return address? */
	bool (*is_code)(void *context, uint64_t ip);
	void *context;
};

/*
 * How many of these frames, which were found by frame pointers, are frames: what a register held
 * that was no frame pointer is cut off. *gap: some between them are missing. That the function
 * around the system call has no frame is known, and was made up for by who took the stack.
 */
size_t symbol_cfi_check(const uint64_t *frames, size_t count, const struct symbol_cfi_rules *rules,
			bool *gap);

#endif
