/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_NAME_H
#define TCPWATCH_SYMBOL_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Names are cut to this, with the 0 at the end. */
#define SYMBOL_NAME_LEN 512

/*
 * Writes the name as its program's source has it: C++ and Rust names are demangled, without the
 * hash of Rust's old scheme; versions of libraries (@GLIBC_2.2.5) are cut.
 */
void symbol_name_write(char name[SYMBOL_NAME_LEN], const char *mangled);

/* Is it where programs and threads start, so that no caller can be missing? */
bool symbol_name_is_start(const char *name);
/* Does the module, by its path, call main() and the functions of threads? */
bool symbol_module_is_start(const char *path);

#endif
