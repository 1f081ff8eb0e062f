/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COOKIE_LOG_H
#define TCPWATCH_COOKIE_LOG_H

#include <stddef.h>
#include <stdint.h>

/*
 * Entries of one size in the order in which they were added. Each begins with a struct cookie_entry
 * (base/cookie_table.h), whose handle is 0. To add one, and to remove the first one, takes a few
 * instructions and hardly a cache miss, unlike in a cookie table. Entries are indexed by cookie
 * only when one is looked for, so that should be done for many of them at a time.
 */
struct cookie_log;

/* entry_size: in bytes. limit: the most entries. Returns NULL without memory. */
struct cookie_log *cookie_log_new(size_t entry_size, uint32_t limit);
/* NULL is allowed. */
void cookie_log_free(struct cookie_log *log);

/* Adds a zeroed entry at the end. The cookie is not 0; if there are entries with the same one, only
 * the newest is found. Other entries may move. Returns NULL at the limit or without memory. */
void *cookie_log_append(struct cookie_log *log, uint64_t cookie);

/* Removes an entry. */
void cookie_log_remove(struct cookie_log *log, void *entry);

/* Returns the entry, valid until the next cookie_log_append(); NULL if there is none, or without
 * memory. */
void *cookie_log_find(struct cookie_log *log, uint64_t cookie);

/* Returns the first entry, NULL if there is none. */
void *cookie_log_first(struct cookie_log *log);

/* Walks over all entries as cookie_table_next() does, in their order. cookie_log_first() must not
 * be called during a walk. */
void *cookie_log_next(struct cookie_log *log, uint32_t *position);

size_t cookie_log_count(const struct cookie_log *log);

#endif
