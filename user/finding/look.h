/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_LOOK_H
#define TCPWATCH_FINDING_LOOK_H

#include "finding/closed_table.h"
#include "finding/finding.h"
#include "finding/pairs.h"
#include "finding/peer_use.h"
#include "finding/port_use.h"
#include "finding/subject.h"
#include "leak/watch.h"
#include "model/net_settings.h"
#include "model/scan_result.h"
#include "model/source.h"
#include "track/tracker.h"

/* The settings of a network namespace, as of read_ns. */
struct known_settings {
	uint32_t netns;
	bool valid;
	uint64_t read_ns; /* 0 = never */
	struct net_settings settings;
};

#define SETTINGS_LIMIT 64

/* What a rule may use during a look (finding/watch.h). */
struct finding_look {
	uint64_t now_ns; /* when the look began; CLOCK_MONOTONIC */
	/* These three stay the caller's. */
	struct tracker *tracker;
	struct leak_watch *leaks;
	struct source *source;
	struct subjects *subjects;
	struct port_use *ports;
	struct peer_use *peers;
	struct closed_table *closed; /* descriptor-leak */
	struct finding_pairs *pairs; /* close-wait-leak: empty at the beginning of a look */
	/* What the rules want to know from the kernel: they add to it in the first half of a look.
	 * The kernel is asked only if engine/scan_pace.c allows it. */
	struct scan_request wanted;
	const struct scan_result *result; /* in `record` and `scanned`: the scan */
	struct netns_set netns[FINDINGS]; /* that a rule collects; empty at the beginning */
	struct netns_set stalls; /* accept-stall: where queues were not empty at the last scan */
	uint64_t tick_ns;	 /* in `record`: length of a kernel tick */
	uint64_t
		read_after_ns; /* in `record`: the kernel was read at most this long after now_ns */
	uint64_t own[FINDINGS]; /* a number that each rule keeps for itself; 0 at first */
	struct known_settings settings[SETTINGS_LIMIT];
};

/* Returns 0 or -ENOMEM; free with finding_look_clear() in both cases. */
int finding_look_init(struct finding_look *look, struct tracker *tracker, struct leak_watch *leaks,
		      struct source *source, uint64_t now_ns);
void finding_look_clear(struct finding_look *look);

/* The settings of a network namespace, not older than half a minute, valid until the next call;
 * NULL where they cannot be read. */
const struct net_settings *finding_look_settings(struct finding_look *look, uint32_t netns);

/* How many descriptors a process may have, UINT64_MAX = any number; 0 where that is not known. */
uint64_t finding_look_descriptors(const struct finding_look *look, const struct process *process);

/* The owner, or the unknown process in place of NULL; NULL where that process is not watched. */
struct process *finding_look_owner(const struct finding_look *look, const struct process *owner);

/* The socket of a scan's record, as the table has it; NULL where it is unknown, hidden or not
 * watched. */
const struct tcp_socket *finding_look_socket(const struct finding_look *look,
					     const struct event_scan *record);

#endif
