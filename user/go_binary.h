/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_BINARY_H
#define TCPWATCH_GO_BINARY_H

#include <stdint.h>

/* So many bytes of a file are read at the most. */
#define GO_BINARY_BUDGET (128ULL << 20)

/* Where a Go program begins an HTTP request. */
struct go_binary {
	uint64_t request;     /* net/http.(*persistConn).roundTrip: offset in the file */
	uint32_t conn_offset; /* in bytes, of the member conn in net/http.persistConn */
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
