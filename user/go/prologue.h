/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_PROLOGUE_H
#define TCPWATCH_GO_PROLOGUE_H

#include <stddef.h>

/* So many bytes of a function's code are looked at. */
#define GO_PROLOGUE_LEN 16

/*
 * A Go function first compares the stack's end with its pointer, and jumps if there must be more of
 * it. At the jump all is still as it was when the function was called; and a jump is done by the
 * kernel itself, where any other instruction has to be stepped over, which takes a second exception
 * (in a virtual machine tens of microseconds). Returns how many bytes the jump is behind the
 * function's beginning; 0 where it is not known.
 */
size_t go_prologue_jump(const unsigned char code[GO_PROLOGUE_LEN]);

#endif
