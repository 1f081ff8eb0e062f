/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_H
#define TCPWATCH_SCAN_H

#include "model/scan_result.h"

struct tcpwatch;

/*
 * Runs the iterators of the loaded programs, and adds what they find to *result. To read the TCP
 * tables of other network namespaces it enters each of them for a moment, which needs
 * CAP_SYS_ADMIN. A namespace that cannot be entered is reported on stderr once, and noted in the
 * result. Returns 0, or a negative errno with *result empty.
 */
int scan_run(struct tcpwatch *skeleton, const struct scan_request *request,
	     struct scan_result *result);

#endif
