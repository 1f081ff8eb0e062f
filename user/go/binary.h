/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_BINARY_H
#define TCPWATCH_GO_BINARY_H

#include <stddef.h>
#include <stdint.h>

/* The most bytes that are read of a file. */
#define GO_BINARY_BUDGET (128ULL << 20)

/* Where a Go program begins an HTTP request. */
struct go_binary {
	/* Near the beginning of net/http.(*persistConn).roundTrip, where registers and stack are
	 * still as the caller left them. */
	uint64_t offset;  /* in the file */
	uint64_t address; /* of the same place in the file's terms; it may be loaded elsewhere */
	uint64_t entry;	  /* where the program begins, in the same terms */
};

/*
 * Reads an executable. The position of fd does not matter; fd stays the caller's. It uses no
 * library, and trusts no number in the file. Returns 0; -ENOENT where it is no Go program of this
 * machine's kind, or one without HTTP requests; -ENOEXEC where its numbers cannot be right; another
 * negative errno of reading. *binary is untouched unless 0.
 */
int go_binary_read(int fd, struct go_binary *binary);

/* How many bytes of a function's code go_prologue_jump() reads. */
#define GO_PROLOGUE_LEN 16

/*
 * A Go function begins by comparing the stack pointer with the stack's end, and jumps away where
 * the stack must grow. At that jump the arguments are still in place. It is the best place for a
 * probe: the kernel emulates a jump, but steps over other instructions with a second exception
 * (tens of microseconds in a virtual machine). Returns how many bytes the jump is behind the
 * function's beginning; 0 where the code does not begin so, and on processors other than x86-64.
 */
size_t go_prologue_jump(const unsigned char code[GO_PROLOGUE_LEN]);

#endif
