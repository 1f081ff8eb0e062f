/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_FOUND_H
#define TCPWATCH_SYMBOL_FOUND_H

#include <stdint.h>

#include "symbol/name.h"

/* Paths of source files are cut to this, with the 0 at the end. */
#define SYMBOL_FILE_LEN 512
/* How many functions that are inlined into each other are reported for one address. */
#define SYMBOL_INLINED_MAX 16

/* What was found out about one address: "" and 0 for what is not known. */
struct symbol_found {
	char function[SYMBOL_NAME_LEN];
	char file[SYMBOL_FILE_LEN]; /* of the source */
	uint32_t line;
	uint64_t offset; /* bytes from the beginning of the function; of the file where no
			    function is known */
};

#endif
