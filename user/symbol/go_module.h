/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_GO_MODULE_H
#define TCPWATCH_SYMBOL_GO_MODULE_H

#include "symbol/go.h"

/* So many bytes of a part, as a number. */
bool symbol_go_number(const struct symbol_go_part *part, uint64_t offset, size_t size,
		      uint64_t *number);
/* What will be at this address once the program is loaded. */
bool symbol_go_pointer(const struct symbol_go *go, uint64_t address, uint64_t *pointer);
/* Finds what the runtime knows of the program, to see where code and inlined functions begin. */
bool symbol_go_module(const struct symbol_go *go, uint64_t *begin, uint64_t *inlined);

#endif
