/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PROCESS_METRICS_H
#define TCPWATCH_PROCESS_METRICS_H

#include "metric/exposition.h"

/* Writes the process_* metrics of tcpwatch itself, with the names that the client libraries of
 * Prometheus use. A metric that cannot be read from /proc is left out. */
void process_metrics_write(struct metric_text *text);

#endif
