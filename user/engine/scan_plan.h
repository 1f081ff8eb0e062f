/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_PLAN_H
#define TCPWATCH_SCAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/intake.h"
#include "engine/scan_pace.h"
#include "finding/watch.h"
#include "leak/watch.h"
#include "model/completeness.h"

/*
 * When the kernel is asked which sockets exist, and which module gets the answer: at the start,
 * after losses, when leaks are due, for a look of the findings, before a summary or a page of
 * metrics, at the end. Records that came before and during a scan are taken in before its answer is
 * judged, in as many turns as they need (intake.h).
 *
 * All times are the source's CLOCK_MONOTONIC, in ns.
 */
struct scan_plan {
	/* Filled in by the caller, who keeps all of it. */
	struct intake *intake;
	struct leak_watch *leaks;
	struct finding_watch *findings;
	struct completeness *completeness;
	bool verbose; /* print each scan on stderr */

	uint64_t lost_seen;	   /* lost records already taken care of */
	uint64_t losses_seen;	   /* the same of losses of all kinds */
	uint64_t reconcile_at_ns;  /* UINT64_MAX = no need */
	uint64_t look_at_ns;	   /* the next look of the findings, or the one that goes on */
	uint64_t look_cpu_ns;	   /* that it took so far, */
	bool looking;		   /* while one goes on */
	bool scrape_scan_owed;	   /* a page of metrics did not wait for it */
	unsigned int scans_failed; /* in a row */
	struct scan_pace pace;
	bool joining; /* the tables with a scan; losses were counted after it */
	struct scan_job job;
	bool minis_asked; /* for the summary: scan_plan_minis() has nothing left to do */
};

/* Call it after the first part is filled in. The source need not be attached yet. */
void scan_plan_init(struct scan_plan *plan);

/*
 * The first scan, in two halves: after the first one *result is what there was when it was made,
 * and the tables have it; the second one takes in the records that came meanwhile. Both return 0 or
 * a negative errno. The caller clears *result, which is empty before, in any case.
 */
int scan_plan_begin_first(struct scan_plan *plan, struct scan_result *result);
int scan_plan_finish_first(struct scan_plan *plan, const struct scan_result *result);

/* Brings the ledger up to date. */
void scan_plan_count_losses(struct scan_plan *plan);

/* The same, and plans a scan where records were lost. */
void scan_plan_check_losses(struct scan_plan *plan);

/* Scans for losses and for leaks, if that is due. Returns 0 or the negative errno of draining;
 * scans that fail are tried again. */
int scan_plan_run(struct scan_plan *plan);

/* One look of the findings, if it is due, with a scan if that is worth it. */
void scan_plan_look(struct scan_plan *plan);

/* Asks which mini-sockets there are, before they are shown. Returns as scan_plan_run(), or 1 if the
 * answer is not there yet: call it again after scan_plan_run(). */
int scan_plan_minis(struct scan_plan *plan);

/*
 * The same for a page of metrics: takes in what has come, by a scan unless the last one is recent
 * or was slow. After a slow one, scan_plan_after_scrapes() makes the scan that the page did not
 * wait for; call it between pages. Both return as scan_plan_run().
 */
int scan_plan_before_scrape(struct scan_plan *plan);
int scan_plan_after_scrapes(struct scan_plan *plan);

/* The last scan. Returns 0 or a negative errno. */
int scan_plan_finish(struct scan_plan *plan);

/* Frees what is left of a scan whose answer was not judged. */
void scan_plan_clear(struct scan_plan *plan);

/* When scan_plan_run() or scan_plan_look() has something to do. */
uint64_t scan_plan_deadline(const struct scan_plan *plan);

#endif
