/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_INTAKE_H
#define TCPWATCH_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metric/group.h"
#include "model/ledger.h"
#include "model/source.h"
#include "track/coalesce.h"
#include "track/stack_tracker.h"
#include "track/tracker.h"

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
};

/* Call it after the first part is filled in. */
void intake_init(struct intake *intake);

/* The source's CLOCK_MONOTONIC, in ns. */
uint64_t intake_now(const struct intake *intake);

/*
 * Takes in all records that the source has. Returns 0 or the source's negative errno. The tracker's
 * hooks are called meanwhile.
 */
int intake_drain(struct intake *intake);

/* Takes in one record of `size` bytes. One that event_check() refuses counts as lost. */
void intake_record(struct intake *intake, const void *record, size_t size);

/* Passes on the transitions that coalesce holds back (track/coalesce.h). */
void intake_flush(struct intake *intake);

#endif
