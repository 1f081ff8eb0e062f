// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/scrape_scan.h"

#include "base/units.h"

/* The least time between two scans, and how many times as long as the last one took: 2 ms for each
 * network namespace, and 5 us for each socket in TIME_WAIT. */
#define SCRAPE_SCAN_PAUSE (1 * NS_PER_S)
#define SCRAPE_SCAN_SHARE 50

/* If the last one took longer than this the next scrape does not wait for one: it is made after the
 * answer. */
#define SCRAPE_SCAN_SLOW (10 * NS_PER_MS)

static uint64_t now(const struct scrape_scan *scrapes)
{
	return scrapes->plan->source->ops->now(scrapes->plan->source);
}

static int scan(struct scrape_scan *scrapes)
{
	uint64_t began_ns = now(scrapes), took_ns, pause_ns;
	int err = scan_plan_minis(scrapes->plan);

	took_ns = now(scrapes) - began_ns;
	pause_ns = took_ns * SCRAPE_SCAN_SHARE;
	if (pause_ns < SCRAPE_SCAN_PAUSE)
		pause_ns = SCRAPE_SCAN_PAUSE;
	scrapes->at_ns = now(scrapes) + pause_ns;
	scrapes->slow = took_ns > SCRAPE_SCAN_SLOW;
	scrapes->due = false;
	return err;
}

int scrape_scan_before(struct scrape_scan *scrapes)
{
	bool due = now(scrapes) >= scrapes->at_ns;

	if (due && !scrapes->slow)
		return scan(scrapes);
	scrapes->due |= due;
	return scrapes->plan->drain(scrapes->plan->context);
}

int scrape_scan_after(struct scrape_scan *scrapes)
{
	return scrapes->due ? scan(scrapes) : 0;
}
