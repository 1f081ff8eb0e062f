/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PCLNTAB_H
#define TCPWATCH_PCLNTAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/file_window.h"

/*
 * The address of a function by the table that Go's runtime has for its own stack traces
 * (.gopclntab), of Go 1.16 and later, at [offset, offset + size) of the file. The program's code,
 * of all languages, is text_size bytes at the address text. Returns 0; -ENOENT where there is no
 * such function, or where it is not certain; another negative errno.
 */
int pclntab_find(struct file_window *window, uint64_t offset, uint64_t size, uint64_t text,
		 uint64_t text_size, const char *name, uint64_t *address);

#endif
