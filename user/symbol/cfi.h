/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_CFI_H
#define TCPWATCH_SYMBOL_CFI_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a function has done with the frame pointer at one of its instructions. */
enum unwind_kind {
	UNWIND_UNKNOWN, /* the file does not say */
	UNWIND_FRAME,	/* the frame pointer is set: a walk along frame pointers finds the caller */
	UNWIND_STACK	/* it is not set: such a walk leaves the caller out */
};

/*
 * Call frame information of a module: compilers write it for exceptions (.eh_frame) and debuggers
 * (.debug_frame). It says how the caller of each instruction's function is found.
 */
struct symbol_cfi {
	Dwfl_Module *module; /* stays the caller's */
	int machine;	     /* EM_... */
};

/* The module must outlive *cfi. */
void symbol_cfi_init(struct symbol_cfi *cfi, Dwfl_Module *module);
/* The address is one of the module's, with libdwfl's bias. */
enum unwind_kind symbol_cfi_kind(const struct symbol_cfi *cfi, uint64_t address);

/* What symbol_cfi_check() asks about a return address, `ip`. */
struct symbol_cfi_rules {
	/* What the function did up to the instruction before ip. */
	enum unwind_kind (*kind)(void *context, uint64_t ip);
	/* Whether ip can be a return address at all. */
	bool (*is_code)(void *context, uint64_t ip);
	void *context;
};

/*
 * Checks frames that were found by following frame pointers, innermost first. Returns how many of
 * them are frames: a register that held something else than a frame pointer ends the stack. Sets
 * *gap where callers between them are missing. The innermost frame is not asked about: the BPF
 * programs add its caller by themselves (bpf/caller.bpf.h).
 */
size_t symbol_cfi_check(const uint64_t *frames, size_t count, const struct symbol_cfi_rules *rules,
			bool *gap);

#endif
