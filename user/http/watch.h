/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_WATCH_H
#define TCPWATCH_HTTP_WATCH_H

#include <stdbool.h>

/* Notices when one of a few files changes. */
#define HTTP_WATCH_FILES 4

struct http_watch;

/* Returns NULL without memory. The caller frees it with http_watch_free(). */
struct http_watch *http_watch_new(void);
void http_watch_free(struct http_watch *watch);

/* Watches these files from now on. The paths are copied; NULL stands for no file. */
void http_watch_set(struct http_watch *watch, const char *const paths[HTTP_WATCH_FILES]);

/* Whether one has changed, appeared or vanished since the last call. Follows symbolic links. */
bool http_watch_changed(struct http_watch *watch);

#endif
