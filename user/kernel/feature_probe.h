/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FEATURE_PROBE_H
#define TCPWATCH_FEATURE_PROBE_H

#include "base/exit_status.h"
#include "model/options.h"

/*
 * Prints on one screen what this kernel and these privileges allow, by trying each program alone:
 * what is attached, what is lost without the others, and what can be done about it. STATUS_CANNOT
 * where not even the core can run.
 */
enum exit_status features_print(const struct options *options);

#endif
