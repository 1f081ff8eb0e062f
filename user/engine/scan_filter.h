/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_FILTER_H
#define TCPWATCH_SCAN_FILTER_H

#include "engine/scan_job.h"
#include "leak/watch.h"

/* What is asked for. Of leaks the descriptors first; TCP tables only for sockets that no descriptor
 * holds. */
#define SCAN_LEAK_STATES (1u << TCP_CLOSE_WAIT | 1u << TCP_LISTEN)
extern const struct scan_request scan_everything, scan_all_minis, scan_held;

/* From now on the job keeps only those records that its purpose needs: a host may have a million
 * sockets, and a record has 128 bytes. */
void scan_filter_set(struct scan_job *job, struct leak_watch *leaks);

#endif
