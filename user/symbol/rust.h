/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_RUST_H
#define TCPWATCH_SYMBOL_RUST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the name of a function for a symbol of Rust's v0 mangling ("_RNv...", RFC 2603), as in the
 * source: without the hashes of crates, the types of constants and suffixes of clones. A name that
 * does not fit into `size` bytes loses its end. Returns false, with `name` unchanged, if the symbol
 * is not a valid name of this scheme, is nested too deeply or takes too many steps: names come from
 * other users' files, and a short one can stand for an exponentially long text. Allocates nothing.
 */
bool symbol_rust_write(char *name, size_t size, const char *mangled);

#endif
