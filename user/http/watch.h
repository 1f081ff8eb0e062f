/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_WATCH_H
#define TCPWATCH_HTTP_WATCH_H

#include <stdbool.h>

/* A few files, and whether they have changed. */
#define HTTP_WATCH_FILES 4

struct http_watch;

/* NULL without memory. */
struct http_watch *http_watch_new(void);
void http_watch_free(struct http_watch *watch);

/* Watches these from now on; NULLs among them are left out. */
void http_watch_set(struct http_watch *watch, const char *const paths[HTTP_WATCH_FILES]);

/* Has one of them changed, come or gone since this was asked last? Follows symbolic links. */
bool http_watch_changed(struct http_watch *watch);

#endif
