/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_WATCH_H
#define TCPWATCH_FINDING_WATCH_H

#include <stddef.h>

#include "finding/finding.h"
#include "finding/subject.h"
#include "leak/watch.h"
#include "model/scan_result.h"
#include "model/source.h"
#include "track/tracker.h"

/*
 * Looks at everything now and then, by the rules (finding/rule.h), and reports what is wrong: once
 * when it is found, again if it gets worse, and when it has been over for a while.
 *
 * A look has two halves, as leaks have collecting and judging: the first goes through what is known
 * and says what the kernel is to be asked, the second judges. In between the caller scans and takes
 * in records, and finding_watch_changed() may be called.
 */
struct finding_watch;

struct finding_hooks {
	/* Must not call the watch. */
	void (*found)(void *context, const struct finding *finding);
	void *context;
};

/* A finding is over when it has not been true for this long. */
#define FINDING_OVER_NS (10ULL * 1000000000)

/*
 * `tracker`, `leaks` and `source` stay the caller's and must outlive it. now_ns: the source's
 * CLOCK_MONOTONIC. Returns NULL without memory.
 */
struct finding_watch *finding_watch_new(struct tracker *tracker, struct leak_watch *leaks,
					struct source *source, uint64_t now_ns,
					const struct finding_hooks *hooks);
void finding_watch_free(struct finding_watch *watch);

/* Takes in a transition. */
void finding_watch_changed(struct finding_watch *watch, const struct change *change);

/*
 * First half of a look at now_ns (CLOCK_MONOTONIC). Sets *request to what is worth a scan, which
 * may be nothing, in the network namespaces that matter.
 */
void finding_watch_begin(struct finding_watch *watch, uint64_t now_ns,
			 struct scan_request *request);

/*
 * The same in steps, between which records may be taken in, but no process may be freed: shows so
 * many sockets to the rules. Returns whether there are more; sets *request if there are none. What
 * changes meanwhile is left to the next look.
 */
void finding_watch_start(struct finding_watch *watch, uint64_t now_ns);
bool finding_watch_show(struct finding_watch *watch, size_t sockets, struct scan_request *request);

/* Second half: judges. result: what the scan found; NULL if there was none, or if it failed. */
void finding_watch_finish(struct finding_watch *watch, const struct scan_result *result);

/* Calls each() for every open finding, in no order; process: NULL = no single one, or unknown. */
void finding_watch_each(const struct finding_watch *watch,
			void (*each)(void *context, enum finding_id id,
				     const struct process *process, uint32_t netns),
			void *context);

/* A finding that is open. */
struct finding_open {
	const struct subject *subject;
	const struct process *process; /* NULL = no single one, or unknown */
};

/* The open findings, worst first, then oldest. Valid until the next look. */
struct finding_list {
	struct finding_open *open;
	size_t count;
};

/* Returns 0, or -ENOMEM with an empty list. The caller frees it with finding_list_clear(). */
int finding_list_build(struct finding_list *list, const struct finding_watch *watch);
void finding_list_clear(struct finding_list *list);

#endif
