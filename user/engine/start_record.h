/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_START_RECORD_H
#define TCPWATCH_START_RECORD_H

#include "model/scan_result.h"

struct engine;

/* Prints the start record, with the sockets of watched processes that the first scan found. The
 * tables must have them, but no record that came during the scan. */
void start_record_print(const struct engine *engine, const struct scan_result *result);

#endif
