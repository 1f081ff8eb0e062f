/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_CGROUP_TABLE_H
#define TCPWATCH_CGROUP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "host/cgroup_path.h"

/*
 * The paths of cgroups, each identified by a small number. Different numbers have different texts.
 * Number 0 is the empty path: the cgroup is not known. The other numbers have a count of holders,
 * and are removed when there are none.
 */
struct cgroup_table;

/* Returns NULL without memory. */
struct cgroup_table *cgroup_table_new(void);
void cgroup_table_free(struct cgroup_table *table);

/* Returns the number of a path, which the caller holds until cgroup_table_release(). 0, which needs
 * no release, for the empty path and without memory. Bytes that are not UTF-8 become U+FFFD first.
 */
uint32_t cgroup_table_hold(struct cgroup_table *table, const char *path);

/* Add and remove one holder of this number. */
void cgroup_table_hold_number(struct cgroup_table *table, uint32_t number);
void cgroup_table_release(struct cgroup_table *table, uint32_t number);

/* The path of a number, "" for 0. Valid as long as the number has a holder. */
const char *cgroup_table_path(const struct cgroup_table *table, uint32_t number);

/* The number of paths, without the empty one. */
size_t cgroup_table_count(const struct cgroup_table *table);

#endif
