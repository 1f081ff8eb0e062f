/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_CFI_H
#define TCPWATCH_SYMBOL_CFI_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>

#include "symbol/frames.h"

/* How functions keep the way to their callers, as compilers write it for exceptions and debuggers.
 */
struct symbol_cfi {
	Dwfl_Module *module;
	int machine; /* EM_... */
};

void symbol_cfi_init(struct symbol_cfi *cfi, Dwfl_Module *module);
/* The address is in the terms of the module. */
enum unwind_kind symbol_cfi_kind(const struct symbol_cfi *cfi, uint64_t address);

#endif
