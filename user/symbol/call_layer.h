/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CALL_LAYER_H
#define TCPWATCH_CALL_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "symbol/call_frame.h"

/* How near a frame is to code that the program's author wrote, the farthest first. */
enum call_layer {
	LAYER_SYSTEM,  /* libc, the vDSO, or nothing is known */
	LAYER_RUNTIME, /* an interpreter, a virtual machine, a language's runtime */
	LAYER_LIBRARY, /* a standard library, a package, a shared library of the system */
	LAYER_PROGRAM, /* the program itself, without debug information */
	LAYER_SOURCE   /* the program itself, with a source file */
};

/* The layer of a frame, by the names of its module, source file and function. */
enum call_layer call_layer_of(const struct call_frame *frame);

/* Whose code it is, which decides how it gets frame pointers. */
enum call_maker {
	MAKER_COMPILER, /* a compiler of C, C++ or an unknown language */
	MAKER_RUST,
	MAKER_GO,	   /* it always keeps frame pointers */
	MAKER_JAVA,	   /* a Java virtual machine and its libraries */
	MAKER_INTERPRETER, /* an interpreter of scripts, and its modules */
};

/* The maker of the frame's code, by the names of its module, source file and function. */
enum call_maker call_layer_maker(const struct call_frame *frame);

/* Whether a just-in-time compiler made the code: its function comes from a perf map. */
bool call_layer_is_jit(const struct call_frame *frame);

#endif
