/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_H
#define TCPWATCH_SCAN_H

#include "model/scan_result.h"

struct tcpwatch;

/*
 * Runs the iterators of the loaded programs, in steps, and adds what they find to a result. To read
 * the TCP tables of other network namespaces it enters each of them for a moment, which needs
 * CAP_SYS_ADMIN. A namespace that cannot be entered is reported on stderr once, and noted in the
 * result.
 */
struct scan;

/* The skeleton stays the caller's and must outlive it. Returns NULL without memory. */
struct scan *scan_new(struct tcpwatch *skeleton);
void scan_free(struct scan *scan);

/* Begins a scan, which adds to *result: it is empty, or has what an earlier scan has found. One
 * that has not ended is given up. */
void scan_begin(struct scan *scan, const struct scan_request *request, struct scan_result *result);

/*
 * Goes on with it until until_ns (CLOCK_MONOTONIC), and no longer than the kernel takes for the
 * sockets of a further network namespace. Returns 0 at the end, 1 where there is more, or a
 * negative errno with *result empty; the scan has ended then.
 */
int scan_step(struct scan *scan, uint64_t until_ns, struct scan_result *result);

/* Gives up the scan, if there is one. */
void scan_end(struct scan *scan);

#endif
