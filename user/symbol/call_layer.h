/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CALL_LAYER_H
#define TCPWATCH_CALL_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "symbol/call_frame.h"

/* How near a frame is to the code that its reader wrote, least first. */
enum call_layer {
	LAYER_SYSTEM,  /* libc, the vDSO, nothing known */
	LAYER_RUNTIME, /* an interpreter, a virtual machine, a language's runtime */
	LAYER_LIBRARY, /* a standard library, a package, a shared library of the system */
	LAYER_PROGRAM, /* the rest */
	LAYER_SOURCE   /* of it, what has a source file */
};

/* By the names of module, source file and function. */
enum call_layer call_layer_of(const struct call_frame *frame);

/* A frame of code that a runtime made: its function comes from a perf map. */
bool call_layer_is_jit(const struct call_frame *frame);

/* The name that Python gives to a perf map, "py::FUNCTION:FILE", in parts. Returns the file, and
 * the function's length; NULL for other names. */
const char *call_layer_python(const struct call_frame *frame, const char **function,
			      size_t *length);

#endif
