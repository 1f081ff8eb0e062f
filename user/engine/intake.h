/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_INTAKE_H
#define TCPWATCH_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"
#include "engine/pace.h"
#include "metric/group.h"
#include "model/ledger.h"
#include "model/source.h"
#include "track/coalesce.h"
#include "track/stack_tracker.h"
#include "track/tracker.h"

/* How long records are taken in before signals, pages and the watchdog get their turn. */
#define INTAKE_TURN_NS (20 * NS_PER_MS)
#define INTAKE_LAST_NS (500 * NS_PER_MS)

/*
 * The way of a record into user space: takes records from the source, checks them, and gives each
 * to the module that understands its kind.
 */
struct intake {
	/* Filled in by the caller, who keeps all of it. */
	struct source *source;
	struct tracker *tracker;
	struct stack_tracker *stacks;  /* NULL without -s */
	struct metric_groups *metrics; /* NULL where no metrics are served */
	struct ledger *ledger;
	/* With -f: a watched process forked; the caller starts to wait for the child's exit.
	 * Returns false if the child has exited already. It must not call the engine. */
	bool (*watch_child)(void *context, uint32_t tgid);
	void *context;
	bool show_stacks; /* print each stack record on stderr */

	struct coalesce coalesce;
	/* A round takes in what was there when it began, in as many turns as it needs. */
	struct source_bound round;
	uint64_t round_ns; /* when it began */
	bool in_round;	   /* it needs a further turn */
	struct pace pace;
};

/* Call it after the first part is filled in. */
void intake_init(struct intake *intake);

/* The source's CLOCK_MONOTONIC, in ns. */
uint64_t intake_now(const struct intake *intake);

/*
 * Takes in the records that the source had when the round began, but only for a turn of
 * INTAKE_TURN_NS. Returns 0 where the round is over, 1 where it goes on with the next call, or the
 * source's negative errno. The tracker's hooks are called meanwhile.
 */
int intake_drain(struct intake *intake);

/* The same up to bound->end, which is set by the first call; one turn, or until bound->until_ns if
 * that is later. */
int intake_drain_to(struct intake *intake, struct source_bound *bound);

/* The last drain, after the source's stop(). What cannot be taken in within INTAKE_LAST_NS counts
 * as lost. Returns 0, 1 if there was such, or a negative errno. */
int intake_finish(struct intake *intake);

/* Takes in one record of `size` bytes. One that event_check() refuses counts as lost. */
void intake_record(struct intake *intake, const void *record, size_t size);

/* Passes on the transitions that coalesce holds back (track/coalesce.h). */
void intake_flush(struct intake *intake);

#endif
