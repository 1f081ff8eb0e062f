/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_TABLE_HEADER_H
#define TCPWATCH_GO_TABLE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#define PCLNTAB_HEADER_LEN    72
#define PCLNTAB_FUNCTIONS_MAX (1U << 22)

/* How Go's table of functions (.gopclntab) begins, of Go 1.16 and later. */
struct pclntab_header {
	bool is_old;	     /* up to 1.17: with addresses, not offsets from the code */
	bool has_start_line; /* from 1.20 on functions tell where they begin */
	uint8_t quantum;     /* instructions are so many bytes, or multiples of it */
	uint64_t count;	     /* of functions: 1 to PCLNTAB_FUNCTIONS_MAX */
	uint64_t text;	     /* where the code begins; 0: not told */
	/* Offsets in the table. */
	uint64_t names, units, files, counters, functions;
};

/* size: of the whole table. Returns 0; -ENOENT where it is of another Go; -ENOEXEC where it makes
 * no sense. */
int pclntab_header_read(const unsigned char bytes[PCLNTAB_HEADER_LEN], uint64_t size,
			struct pclntab_header *header);

#endif
