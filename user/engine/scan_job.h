/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_JOB_H
#define TCPWATCH_SCAN_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "engine/intake.h"
#include "model/source.h"

/* How long a scan goes on before records are drained and others get their turn. */
#define SCAN_STEP_NS (10 * NS_PER_MS)

enum scan_purpose {
	SCAN_NONE,
	SCAN_LOSSES,
	SCAN_LEAKS,
	SCAN_FINDINGS,
	SCAN_SUMMARY,
	SCAN_SCRAPE,
	SCAN_PURPOSES
};

/*
 * A scan that is made in steps. Between them records are drained, so a step must come soon after a
 * drain: what it finds is compared with what is known, and records that are older than it look like
 * gaps.
 */
struct scan_job {
	enum scan_purpose purpose; /* SCAN_NONE: there is none */
	struct scan_result result;
	/* Which records are kept; NULL: all of them. */
	bool (*wanted)(void *context, const struct event_scan *record);
	void *context;
	bool asked_tables;
	bool asked_descriptors;
	bool complete;		   /* the result is; it waits for `after` */
	struct source_bound after; /* these records come before the answer */
	uint64_t began_ns;
	uint64_t stepped_ns; /* the end of the last step */
	uint64_t cpu_ns;     /* the CPU time that it took */
	unsigned int steps;
};

/* Begins; the source must have no other scan. */
void scan_job_begin(struct scan_job *job, struct intake *intake, enum scan_purpose purpose,
		    const struct scan_request *request);

/* Scans on, and adds to the same result. Not for SCAN_LOSSES. */
void scan_job_ask(struct scan_job *job, struct intake *intake, const struct scan_request *request);

/* One step; the tables learn what it finds, if that is the purpose. Returns 0 when the result is
 * complete, 1 if it is not yet, or the negative errno of the scan, which is over then. */
int scan_job_step(struct scan_job *job, struct intake *intake);

/* The scan that is asked for, without anything in between. Returns 0 or a negative errno. */
int scan_job_run(struct scan_job *job, struct intake *intake, enum scan_purpose purpose,
		 const struct scan_request *request);

/* Says on stderr what a complete scan has found, and what it took. */
void scan_job_print(const struct scan_job *job);

/* Ends the job, which may be incomplete, and frees the result. */
void scan_job_clear(struct scan_job *job, struct intake *intake);

#endif
