/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_KERNEL_H
#define TCPWATCH_KERNEL_H

/* A source that tests set: its clock, its records, and what scans of it find. */
#include <errno.h>

#include "world.h"

#include "engine/scan_job.h"
#include "host/process_limit.h"
#include "model/source.h"

#define KERNEL_RECORDS 64

struct kernel {
	struct source source;
	uint64_t now_ns;
	uint64_t scan_ns;   /* that a step of a scan takes */
	size_t steps, step; /* how many it takes; which one is made, from 0 */
	bool scanning;
	uint64_t settings_ns; /* that it takes to read settings */
	int scan_error, settings_error;
	struct ledger ledger;	      /* of lost records */
	struct net_settings settings; /* of every network namespace */
	uint32_t ended;		      /* the pid of a process that has ended; 0 = none */
	uint64_t limit;		      /* of descriptors, of every process; 0 = not known */
	/* Adds what a step of a scan finds, and may tell of records that come meanwhile. NULL:
	 * nothing. */
	void (*find)(struct kernel *kernel, const struct scan_request *request,
		     struct scan_result *result);
	void *context;
	/* What was asked of it. */
	size_t drains, scans, limits_read, settings_read;
	struct scan_request asked; /* by the last scan */
	void *records[KERNEL_RECORDS];
	size_t record_count;
	/* A ring that holds `backlog` records more, each of them `flood`. For each that is taken,
	 * in flood_ns, another one comes. */
	const struct event_transition *flood;
	uint64_t flood_ns, backlog, flood_taken;
};

static inline struct kernel *kernel_of(struct source *source)
{
	return (struct kernel *)source;
}

/* A record of which the next drain knows. */
static inline void kernel_tell(struct kernel *kernel, const void *record)
{
	assert_in_range(kernel->record_count, 0, KERNEL_RECORDS - 1);
	kernel->records[kernel->record_count++] = make_exact(record);
}

/* Returns whether the end was reached; what was told comes behind it. */
static inline bool kernel_flood(struct kernel *kernel, struct source_bound *bound, source_sink sink,
				void *context)
{
	if (!bound->end)
		bound->end = kernel->flood_taken + kernel->backlog;
	for (; kernel->flood_taken < bound->end; kernel->flood_taken++) {
		if (kernel->now_ns >= bound->until_ns)
			return false;
		sink(context, kernel->flood, kernel->flood->header.size);
		kernel->now_ns += kernel->flood_ns;
	}
	return true;
}

static inline int kernel_drain(struct source *source, struct source_bound *bound, source_sink sink,
			       void *context)
{
	struct kernel *kernel = kernel_of(source);

	kernel->drains++;
	if (!kernel_flood(kernel, bound, sink, context))
		return 1;
	for (size_t i = 0; i < kernel->record_count; i++) {
		const struct event_header *header = kernel->records[i];

		sink(context, header, header->size);
		free(kernel->records[i]);
	}
	kernel->record_count = 0;
	return 0;
}

static inline void kernel_scan_begin(struct source *source, const struct scan_request *request,
				     struct scan_result *result)
{
	struct kernel *kernel = kernel_of(source);

	kernel->scans++;
	kernel->asked = *request;
	kernel->step = 0;
	kernel->scanning = true;
	if (!result->tick_ns)
		*result = scan_new(kernel->now_ns);
}

static inline int kernel_scan_step(struct source *source, uint64_t until_ns,
				   struct scan_result *result)
{
	struct kernel *kernel = kernel_of(source);

	assert_true(kernel->scanning);
	assert_int_equal(until_ns, kernel->now_ns + SCAN_STEP_NS);
	if (kernel->scan_error) {
		kernel->scanning = false;
		scan_result_clear(result);
		return kernel->scan_error;
	}
	if (kernel->find)
		kernel->find(kernel, &kernel->asked, result);
	kernel->now_ns += kernel->scan_ns;
	result->ended_ns = kernel->now_ns;
	kernel->scanning = ++kernel->step < kernel->steps;
	return kernel->scanning;
}

static inline void kernel_scan_end(struct source *source)
{
	kernel_of(source)->scanning = false;
}

static inline int kernel_settings(struct source *source, uint32_t netns,
				  struct net_settings *settings)
{
	struct kernel *kernel = kernel_of(source);

	(void)netns;
	kernel->settings_read++;
	kernel->now_ns += kernel->settings_ns;
	*settings = kernel->settings;
	return kernel->settings_error;
}

static inline int kernel_limit(struct source *source, uint32_t pid, uint64_t *limit)
{
	struct kernel *kernel = kernel_of(source);

	(void)pid;
	kernel->limits_read++;
	*limit = kernel->limit;
	return kernel->limit ? 0 : -ENOENT;
}

static inline void kernel_ledger(struct source *source, struct ledger *ledger)
{
	const struct kernel *kernel = kernel_of(source);

	ledger->lost[LOST_RING_FULL] = kernel->ledger.lost[LOST_RING_FULL];
}

static inline uint64_t kernel_now(struct source *source)
{
	return kernel_of(source)->now_ns;
}

static inline bool kernel_process_alive(struct source *source, uint32_t tgid)
{
	return tgid != kernel_of(source)->ended;
}

/* At START_NS, with the defaults of Linux; `world` takes its records from it. */
static inline void kernel_init(struct kernel *kernel, struct world *world)
{
	static const struct source_ops ops = {
		.drain = kernel_drain,
		.scan_begin = kernel_scan_begin,
		.scan_step = kernel_scan_step,
		.scan_end = kernel_scan_end,
		.cpu_time = kernel_now,
		.settings = kernel_settings,
		.descriptor_limit = kernel_limit,
		.ledger = kernel_ledger,
		.now = kernel_now,
		.process_alive = kernel_process_alive,
	};

	*kernel = (struct kernel){
		.source = {.ops = &ops},
		.now_ns = START_NS,
		.settings = NET_SETTINGS_DEFAULT,
		.limit = PROCESS_LIMIT_DEFAULT,
		.steps = 1,
	};
	world->intake.source = &kernel->source;
}

#endif
