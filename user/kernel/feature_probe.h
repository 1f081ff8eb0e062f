/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FEATURE_PROBE_H
#define TCPWATCH_FEATURE_PROBE_H

#include "base/exit_status.h"
#include "model/options.h"

/*
 * Tries each program alone, and prints, on one screen, what this kernel and these privileges allow:
 * what can be attached, what is lost without the rest, and the remedy. Returns STATUS_OK, or
 * STATUS_CANNOT where not even the core can run.
 */
enum exit_status features_print(const struct options *options);

#endif
