// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/intake.h"

#include <stdio.h>
#include <string.h>

#include "model/event_check.h"
#include "track/mini_tracker.h"
#include "track/passive_open.h"
#include "track/retransmit.h"

static void on_transition(void *context, const struct event_transition *e)
{
	struct intake *intake = context;

	tracker_transition(intake->tracker, e);
}

void intake_init(struct intake *intake)
{
	intake->coalesce = (struct coalesce){.sink = on_transition, .context = intake};
}

uint64_t intake_now(const struct intake *intake)
{
	return intake->source->ops->now(intake->source);
}

static void take_segment(struct intake *intake, const struct event_segment *e)
{
	if (e->what == SEGMENT_RESET_SENT)
		coalesce_reset_sent(&intake->coalesce, e->cookie);
	segment_event(intake->tracker, e);
}

static void take_fork(struct intake *intake, const struct event_fork *e)
{
	uint32_t child = tracker_fork(intake->tracker, e);

	if (child && !intake->watch_child(intake->context, child))
		watch_set_exited(intake->tracker->watched, child);
	if (intake->stacks)
		stack_forked(intake->stacks, e);
}

static void show_stack(const struct event_stack *e)
{
	fprintf(stderr, "tcpwatch: stack of socket %jx by %u, how %u:", (uintmax_t)e->cookie,
		e->task.tgid, e->how);
	for (unsigned int i = 0; i < e->count; i++)
		fprintf(stderr, " %jx", (uintmax_t)e->frames[i]);
	fputc('\n', stderr);
}

static void take_stack(struct intake *intake, const struct event_stack *e)
{
	if (intake->show_stacks)
		show_stack(e);
	if (intake->stacks)
		stack_event(intake->stacks, e);
}

static void take_exec(struct intake *intake, const struct event_exec *e)
{
	struct source *source = intake->source;
	char comm[EVENT_COMM_LEN + 1] = "";

	memcpy(comm, e->task.comm, EVENT_COMM_LEN);
	if (source->ops->executed &&
	    watch_set_has_process(intake->tracker->watched, e->task.tgid, e->task.start_ns, comm))
		source->ops->executed(source, e);
}

void intake_record(struct intake *intake, const void *record, size_t size)
{
	const struct event_header *header = record;

	if (event_check(record, size)) {
		intake->ledger->lost[LOST_MALFORMED]++;
		return;
	}
	intake->ledger->delivered++;
	switch (header->kind) {
	case EVENT_TRANSITION:
		coalesce_event(&intake->coalesce, record);
		break;
	case EVENT_FORK:
		take_fork(intake, record);
		break;
	case EVENT_ACCEPT:
		passive_accept(intake->tracker, record);
		break;
	case EVENT_MINI:
		mini_event(intake->tracker, record);
		break;
	case EVENT_REQUEST:
		passive_request(intake->tracker, record);
		break;
	case EVENT_SEGMENT:
		take_segment(intake, record);
		break;
	case EVENT_STACK:
		take_stack(intake, record);
		break;
	case EVENT_EXEC:
		take_exec(intake, record);
		break;
	default:
		break;
	}
}

static void on_record(void *context, const void *record, size_t size)
{
	intake_record(context, record, size);
}

int intake_drain(struct intake *intake)
{
	struct source *source = intake->source;
	int err;

	if (intake->metrics)
		metric_groups_set_time(intake->metrics, intake_now(intake));
	err = source->ops->drain(source, on_record, intake);
	coalesce_flush(&intake->coalesce, intake_now(intake));
	return err;
}

void intake_flush(struct intake *intake)
{
	coalesce_flush(&intake->coalesce, UINT64_MAX);
}
