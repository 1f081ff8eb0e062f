/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_FILE_H
#define TCPWATCH_HTTP_FILE_H

#include <stddef.h>

/*
 * Reads a regular file of at most max bytes, and adds a terminating 0. Returns 0 or a negative
 * errno, without a message: those of safe_open(), and -EFBIG above max. The caller frees
 * *text, and wipes it first if it is a secret.
 */
int http_file_read(const char *path, size_t max, char **text, size_t *size);

#endif
