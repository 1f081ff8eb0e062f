/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HASH_H
#define TCPWATCH_HASH_H

/*
 * uthash as all of tcpwatch uses it. Without memory HASH_ADD leaves the element out of the table
 * and its hh.tbl is NULL; uthash would otherwise end the program. The caller checks hh.tbl.
 */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
