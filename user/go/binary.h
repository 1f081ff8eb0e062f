/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_BINARY_H
#define TCPWATCH_GO_BINARY_H

#include <stdint.h>

/* So many bytes of a file are read at the most. */
#define GO_BINARY_BUDGET (128ULL << 20)

/* Where a Go program begins an HTTP request. */
struct go_binary {
	/* Near the beginning of net/http.(*persistConn).roundTrip, where all is still as it was
	 * when that was called. */
	uint64_t offset;  /* in the file */
	uint64_t address; /* of the same place, as the file has it: it may be loaded elsewhere */
	uint64_t entry;	  /* where the program begins, likewise */
};

/*
 * Looks into an executable; the position of fd does not matter. It asks libraries nothing, keeps
 * nothing, and believes nothing that the file says of itself further than it can be read. Returns
 * 0; -ENOENT where it is no Go program of this machine's kind, or one without HTTP requests;
 * -ENOEXEC where it makes no sense; another negative errno of reading. *binary is untouched unless
 * 0.
 */
int go_binary_read(int fd, struct go_binary *binary);

#endif
