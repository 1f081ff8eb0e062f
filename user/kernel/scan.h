/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_H
#define TCPWATCH_SCAN_H

#include "model/scan_result.h"

struct tcpwatch;

/*
 * Asks the kernel through the loaded programs' iterators. The TCP tables of other network
 * namespaces are read by entering each for a moment (CAP_SYS_ADMIN); one that cannot be entered is
 * named on stderr the first time and noted in the result. Returns 0 or a negative errno, then
 * *result is empty.
 */
int scan_run(struct tcpwatch *skeleton, const struct scan_request *request,
	     struct scan_result *result);

#endif
