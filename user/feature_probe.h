/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FEATURE_PROBE_H
#define TCPWATCH_FEATURE_PROBE_H

#include <stdbool.h>

/*
 * Prints what this kernel and these privileges allow, one line a feature, by trying each program
 * alone. Returns the exit status: 0, or 3 where not even the core can run.
 */
int features_print(bool verbose);

#endif
