/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_GO_FILE_H
#define TCPWATCH_SYMBOL_GO_FILE_H

#include <gelf.h>

#include "symbol/go.h"

/* Is it a Go program? */
bool symbol_go_file_is(Elf *file);
/* What it refers to is the Elf's. False where there is no table that can be read. */
bool symbol_go_file_read(struct symbol_go *go, Elf *file);

#endif
