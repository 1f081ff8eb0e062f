/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCRAPE_SCAN_H
#define TCPWATCH_SCRAPE_SCAN_H

#include "engine/scan_plan.h"

/*
 * When mini-sockets are looked for because somebody asks for metrics: not for each of many scrapes,
 * and where it takes long not while the scrape waits. Begins zeroed but for the plan.
 */
struct scrape_scan {
	struct scan_plan *plan; /* stays the caller's */
	uint64_t at_ns;		/* the next one is not before this; CLOCK_MONOTONIC */
	bool slow;		/* the last one was */
	bool due;		/* a scrape did not wait for it */
};

/* Before a page is made: takes in what has come, by a scan where it is time for one and the last
 * was quick. Returns 0 or a negative errno. */
int scrape_scan_before(struct scrape_scan *scrapes);

/* Between scrapes: the scan that one did not wait for, if any. Returns 0 or a negative errno. */
int scrape_scan_after(struct scrape_scan *scrapes);

#endif
