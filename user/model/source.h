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

/* Where events come from: the live kernel, or a file. Everything behind it is the same for both. */
struct source;

/* Takes one raw record; not yet checked. */
typedef void (*source_sink)(void *context, const void *record, size_t size);

struct source_ops {
	/* Hands over all records that are there. Returns 0 or a negative errno. */
	int (*drain)(struct source *source, source_sink sink, void *context);
	/* Fills *result (empty before). Returns 0 or a negative errno; then *result is empty. */
	int (*scan)(struct source *source, const struct scan_request *request,
		    struct scan_result *result);
	/* The settings of a network namespace. Returns 0 or a negative errno; -ENOENT where it is
	 * not known, or nobody is in it. */
	int (*settings)(struct source *source, uint32_t netns, struct net_settings *settings);
	/* How many descriptors a process may have, UINT64_MAX = any number. Returns 0 or a negative
	 * errno. */
	int (*descriptor_limit)(struct source *source, uint32_t pid, uint64_t *limit);
	/* A watched process runs another program now (-s). May be NULL. */
	void (*executed)(struct source *source, const struct event_exec *e);
	/* No more records are made; what is there can still be drained and scanned. */
	void (*stop)(struct source *source);
	/* `seen` and what the kernel lost; `delivered` is the receiver's to count. */
	void (*ledger)(struct source *source, struct ledger *ledger);
	/* CLOCK_MONOTONIC of this source, in ns, and how it relates to the wall clock. */
	uint64_t (*now)(struct source *source);
	void (*clock)(struct source *source, struct clock *clock);
	/* May this process still run? True where that is not known. */
	bool (*process_alive)(struct source *source, uint32_t tgid);
	void (*free)(struct source *source);
};

struct source {
	const struct source_ops *ops;
	feature_set features; /* what it can tell */
};

#endif
