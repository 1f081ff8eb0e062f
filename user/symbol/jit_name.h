/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_JIT_NAME_H
#define TCPWATCH_SYMBOL_JIT_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* What the name of a function in a perf map says. The texts point into the name, or are static. */
struct jit_name {
	const char *function; /* without the types of what it takes and returns */
	size_t function_length;
	const char *file; /* NULL if not known */
	size_t file_length;
	unsigned int line; /* where the function begins; 0 if not known */
	bool standard;	   /* it is of the language's standard library */
};

/*
 * Takes apart the names that language runtimes write to perf maps:
 *	Python		py::FUNCTION:FILE
 *	Node (V8)	JS:*FUNCTION FILE:LINE:COLUMN, also LazyCompile:, Function: and others
 *	Java		TYPE CLASS.METHOD(TYPES), Lpackage/Class;::method
 * All other names are a function of the program.
 */
void jit_name_read(const char *name, struct jit_name *read);

#endif
