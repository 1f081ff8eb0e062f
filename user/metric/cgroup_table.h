/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CGROUP_TABLE_H
#define TCPWATCH_CGROUP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "host/cgroup_path.h"

/*
 * Paths of cgroups, each known by a small number: two numbers never look the same where they are
 * shown. Number 0 is the empty path, of which nothing is known. Others live as long as somebody
 * holds them, so there are never more than holders.
 */
struct cgroup_table;

/* NULL without memory. */
struct cgroup_table *cgroup_table_new(void);
void cgroup_table_free(struct cgroup_table *table);

/* The number of a path, which the caller holds from now on. 0, which needs no letting go, for the
 * empty path and without memory. Bytes that are not UTF-8 become U+FFFD first. */
uint32_t cgroup_table_hold(struct cgroup_table *table, const char *path);

/* One more, or one less, who holds this number. */
void cgroup_table_hold_number(struct cgroup_table *table, uint32_t number);
void cgroup_table_release(struct cgroup_table *table, uint32_t number);

/* "" for 0. Valid as long as somebody holds the number. */
const char *cgroup_table_path(const struct cgroup_table *table, uint32_t number);

/* How many paths there are, without the empty one. */
size_t cgroup_table_count(const struct cgroup_table *table);

#endif
