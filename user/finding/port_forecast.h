/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PORT_FORECAST_H
#define TCPWATCH_PORT_FORECAST_H

#include "finding/port_use.h"

/* When the local ports of a pair will run out. */

/* How many connections per second end in TIME_WAIT here. */
double port_rate(const struct port_pair *pair);

/* How many ports are in use once TIME_WAIT returns as many as are taken. */
double port_settles_at(const struct port_pair *pair);

/*
 * Seconds until no port is left at the present rate: each second takes `rate` ports and returns
 * those that were taken 60 s before; the connections that are not in TIME_WAIT grow by `growth` per
 * second. Negative if the ports will not run out.
 */
double port_seconds_left(const struct port_pair *pair, double growth);

#endif
