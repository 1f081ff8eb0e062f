/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_WATCH_H
#define TCPWATCH_FINDING_WATCH_H

#include "finding/finding.h"
#include "finding/subject.h"
#include "leak/watch.h"
#include "model/net_settings.h"
#include "model/scan_result.h"
#include "track/tracker.h"

/*
 * Looks at everything now and then, by the rules (finding/rule.h), and tells what is wrong: once
 * when it is found, again if it gets worse, and when it has been over for a while.
 */
struct finding_watch;

struct finding_hooks {
	void (*found)(void *context, const struct finding *finding);
	/* Asks the kernel, and takes in what came meanwhile. Returns 0 or a negative errno; the
	 * caller clears *result. */
	int (*scan)(void *context, const struct scan_request *request, struct scan_result *result);
	/* Returns 0 or a negative errno. */
	int (*settings)(void *context, uint32_t netns, struct net_settings *settings);
	/* How many descriptors a process may have. Returns 0 or a negative errno. */
	int (*descriptor_limit)(void *context, uint32_t pid, uint64_t *limit);
	uint64_t (*now)(void *context); /* CLOCK_MONOTONIC */
	void *context;
};

/* A finding that is not true any more is over when it has not been for this long. */
#define FINDING_OVER_NS (10ULL * 1000000000)

/* Both stay the caller's and must outlive it. NULL without memory. */
struct finding_watch *finding_watch_new(struct tracker *tracker, struct leak_watch *leaks,
					const struct finding_hooks *hooks);
void finding_watch_free(struct finding_watch *watch);

/* A transition. */
void finding_watch_changed(struct finding_watch *watch, const struct change *change);

/* Looks, if it is time to. */
void finding_watch_run(struct finding_watch *watch);

/* When the next look is due. */
uint64_t finding_watch_deadline(const struct finding_watch *watch);

/* Walks the subjects whose finding is open; start with NULL, ends with NULL. They are valid until
 * the next look. */
const struct subject *finding_watch_next(const struct finding_watch *watch,
					 const struct subject *previous);

/* The process to name; NULL = no single one, or unknown. */
const struct process *finding_watch_named(const struct finding_watch *watch,
					  const struct subject *subject);

/* Calls each() for every finding that is open; process: NULL = no single one. */
void finding_watch_each(struct finding_watch *watch,
			void (*each)(void *context, enum finding_id id,
				     const struct process *process, uint32_t netns),
			void *context);

#endif
