/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_PACE_H
#define TCPWATCH_SCAN_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/scan_job.h"

/* The scans of each purpose take at most this part of one CPU, however dear a single one is. */
#define SCAN_SHARE 20

/*
 * When the next scan of each purpose may begin. Each purpose has a budget of CPU time: all that its
 * scans have taken has to be paid for, at a SCAN_SHARE-th of the time that passes, before the next
 * one begins. Some purposes save up what they did not use, so that a few scans may come close
 * together after a quiet time.
 *
 * Times are the source's CLOCK_MONOTONIC, in ns. All zero at first.
 */
struct scan_pace {
	uint64_t not_before_ns[SCAN_PURPOSES];
	uint64_t paid_at_ns[SCAN_PURPOSES]; /* when all is paid for; may be in the past */
	bool scrape_slow;		    /* the last scan for a page of metrics was */
	/* What scans cost lately, in CPU time. */
	uint64_t descriptors_ns; /* all descriptors */
	uint64_t table_ns;	 /* the tables of one network namespace, on average */
};

/* A job has ended at now_ns; its cpu_ns has the answer, too. */
void scan_pace_ended(struct scan_pace *pace, const struct scan_job *job, uint64_t now_ns);

/* Notes what the parts of a scan have cost. */
void scan_pace_learn(struct scan_pace *pace, const struct scan_result *result);

/* Decides where the listeners are read that the request asks for. */
void scan_pace_choose(const struct scan_pace *pace, struct scan_request *request);

/* The pause after a look of the findings that took cpu_ns of CPU time; how long it waited for a CPU
 * does not count. */
uint64_t scan_pace_look(uint64_t cpu_ns);

#endif
