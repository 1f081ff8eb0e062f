/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_ERROR_H
#define TCPWATCH_HTTP_ERROR_H

/* The size of a message with its 0. A longer message is cut. */
#define HTTP_ERROR_LEN 512

/* Writes the message and returns err, so that a caller can return both at once. */
int http_error(char error[HTTP_ERROR_LEN], int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
