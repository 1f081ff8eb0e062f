/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_PLAN_H
#define TCPWATCH_SCAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "leak/watch.h"
#include "model/ledger.h"
#include "model/source.h"
#include "track/tracker.h"

/*
 * When the kernel is asked what exists, and what is done with the answer: at the start, after
 * losses, when sockets are due for judgement, at the end.
 */
struct scan_plan {
	struct source *source;
	struct tracker *tracker;
	struct leak_watch *leaks;
	struct ledger *ledger;
	/* Takes in the records that have come. Returns 0 or a negative errno. */
	int (*drain)(void *context);
	void *context;
	bool verbose; /* each scan is told on stderr */

	uint64_t lost_seen;	  /* lost records already taken care of */
	uint64_t losses_seen;	  /* the same of losses of all kinds */
	uint64_t reconcile_at_ns; /* UINT64_MAX = no need */
	uint64_t reconcile_not_before_ns;
	uint64_t leak_scan_not_before_ns;
	unsigned int scans_failed; /* in a row */
};

/* The caller has filled in the first part; all of it stays his. */
void scan_plan_init(struct scan_plan *plan);

/*
 * The first scan. found() is called with what is there, before the records that came during the
 * scan are taken in. Returns 0 or a negative errno.
 */
int scan_plan_start(struct scan_plan *plan,
		    void (*found)(void *context, const struct scan_result *result));

/* Brings the ledger up to date, and plans a scan where records were lost. */
void scan_plan_look(struct scan_plan *plan);

/* Scans if something is due. Returns 0 or a negative errno. */
int scan_plan_run(struct scan_plan *plan);

/*
 * Asks the kernel for somebody else, with all records before and after taken in. Returns 0 or a
 * negative errno; the caller clears *result.
 */
int scan_plan_ask(struct scan_plan *plan, const struct scan_request *request,
		  struct scan_result *result);

/* Looks which mini-sockets there are now, before they are shown. Returns 0 or a negative errno. */
int scan_plan_minis(struct scan_plan *plan);

/* The last scan. Returns 0 or a negative errno. */
int scan_plan_finish(struct scan_plan *plan);

/* When something is due; UINT64_MAX if nothing is. */
uint64_t scan_plan_deadline(const struct scan_plan *plan);

#endif
