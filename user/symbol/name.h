/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_NAME_H
#define TCPWATCH_SYMBOL_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* The most bytes of a name, with its 0. Longer names lose their end. */
#define SYMBOL_NAME_LEN 512

/*
 * Writes a symbol's name as the source has it. Demangles names of C++ and Rust, without the
 * hashes of Rust. Removes symbol versions (@GLIBC_2.2.5) and suffixes of clones (.part.0).
 */
void symbol_name_write(char name[SYMBOL_NAME_LEN], const char *mangled);

/* Whether programs or threads start in this function, so that it has no caller. */
bool symbol_name_is_start(const char *name);
/* Whether the module, by its path, is a C library, which calls main() and the functions of
 * threads. */
bool symbol_module_is_start(const char *path);

#endif
