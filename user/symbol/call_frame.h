/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CALL_FRAME_H
#define TCPWATCH_CALL_FRAME_H

#include <stddef.h>
#include <stdint.h>

/*
 * One frame of a user stack. Strings are NULL or "" where they are not known, the line is 0. They
 * come from files of other users: they may hold any bytes but 0.
 */
struct call_frame {
	uint64_t ip;	      /* the return address; of an inlined function, that of its caller */
	const char *function; /* demangled */
	uint64_t offset;      /* bytes of ip in the function; in the module without a function */
	const char *file;     /* of the source, as the debug information has it */
	uint32_t line;	      /* of the call */
	const char *module;   /* path of the program or library, as the process sees it */
	const char *build_id; /* of the module, in hex */
};

/*
 * Copies a name of `length` bytes to out, which has `room` bytes. Where it does not fit with its 0,
 * "..." replaces its middle, since both ends matter more. It never cuts within a UTF-8 character.
 * Returns out.
 */
const char *call_frame_cut_name(const char *name, size_t length, char *out, size_t room);

/* The part of a path behind its last '/'; the path itself where that part is empty. */
const char *call_frame_base_name(const char *path);

#endif
