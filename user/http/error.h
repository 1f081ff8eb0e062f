/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_ERROR_H
#define TCPWATCH_HTTP_ERROR_H

/* A message for the operator, with its 0; longer ones are cut. */
#define HTTP_ERROR_LEN 512

/* Writes the message and returns err, so that a function can end with it. */
int http_error(char error[HTTP_ERROR_LEN], int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
