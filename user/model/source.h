/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SOURCE_H
#define TCPWATCH_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "event.h"
#include "model/feature.h"
#include "model/ledger.h"
#include "model/net_settings.h"
#include "model/scan_result.h"

/* Where records come from: the running kernel, or a log. The engine uses both in the same way. */
struct source;

/* Takes one record of `size` bytes that is not checked yet. Valid during the call only. */
typedef void (*source_sink)(void *context, const void *record, size_t size);

/* How far a drain goes. Records may come as fast as they are taken, so there is always a bound. */
struct source_bound {
	uint64_t end;	   /* a position in the source; 0 = not set yet */
	uint64_t until_ns; /* by the source's clock */
};

struct source_ops {
	/*
	 * Calls the sink for the records before bound->end, but no longer than until_ns. Where the
	 * end is not set yet, sets it behind the records that are there. Returns 0 at the end, 1
	 * where the time was over before (go on with the same end), or a negative errno.
	 */
	int (*drain)(struct source *source, struct source_bound *bound, source_sink sink,
		     void *context);
	/* After stop(): passes over the records that are still there. The ledger counts them as
	 * lost, as those for which there was no room. May be NULL. */
	void (*discard)(struct source *source);
	/*
	 * A scan is made in steps, between which records can be drained; one at a time. *result is
	 * empty when it begins, or has what an earlier scan has found; the caller clears it in any
	 * case. A step adds to it until until_ns, by the source's clock, and a little longer where
	 * the kernel cannot be stopped. It returns 0 at the end, 1 where there is more, or a
	 * negative errno, and then *result is empty and the scan is over. scan_end() gives one up;
	 * it may be NULL.
	 */
	void (*scan_begin)(struct source *source, const struct scan_request *request,
			   struct scan_result *result);
	int (*scan_step)(struct source *source, uint64_t until_ns, struct scan_result *result);
	void (*scan_end)(struct source *source);
	/* The CPU time of this thread so far, in ns; in a log it is now(). */
	uint64_t (*cpu_time)(struct source *source);
	/* Reads the settings of a network namespace. Returns 0 or a negative errno; -ENOENT if the
	 * namespace is not known, or no process is in it. */
	int (*settings)(struct source *source, uint32_t netns, struct net_settings *settings);
	/* Sets *limit to the most descriptors that a process may have; UINT64_MAX = no limit.
	 * Returns 0 or a negative errno. */
	int (*descriptor_limit)(struct source *source, uint32_t pid, uint64_t *limit);
	/* A watched process called execve() (-s). May be NULL. */
	void (*executed)(struct source *source, const struct event_exec *e);
	/* Nothing has come for a while, and who waits for the source's descriptor wants to wait
	 * longer: from now on the next record wakes, until drain() is called. Returns false, and
	 * changes nothing, if there is a record already. May be NULL. */
	bool (*rest)(struct source *source);
	/* Stops the writing of records. drain() and scans still work. */
	void (*stop)(struct source *source);
	/* Updates `seen` and what the kernel lost. The receiver counts `delivered`. */
	void (*ledger)(struct source *source, struct ledger *ledger);
	/* The time of this source: nanoseconds of CLOCK_MONOTONIC. */
	uint64_t (*now)(struct source *source);
	/* Sets *clock, by which that time is converted to the wall clock. */
	void (*clock)(struct source *source, struct clock *clock);
	/* Whether a process with this pid may still run; true if that is not known. */
	bool (*process_alive)(struct source *source, uint32_t tgid);
	void (*free)(struct source *source);
};

struct source {
	const struct source_ops *ops;
	feature_set features; /* the features that it has */
};

#endif
