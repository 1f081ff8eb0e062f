// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/intake.h"

#include <stdio.h>
#include <string.h>

#include "model/event_check.h"
#include "track/mini_tracker.h"
#include "track/passive_open.h"
#include "track/retransmit.h"
#include "track/transition.h"

static void on_transition(void *context, const struct event_transition *e, enum cause known)
{
	struct intake *intake = context;

	transition_event(intake->tracker, e, known);
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
	retransmit_event(intake->tracker, e);
}

static void take_fork(struct intake *intake, const struct event_fork *e)
{
	uint32_t child = tracker_fork(intake->tracker, e);

	if (child && !intake->watch_child(intake->context, child))
		filter_exited(intake->tracker->filter, child);
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
	    filter_has_process(intake->tracker->filter, e->task.tgid, e->task.start_ns, comm))
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
	case EVENT_EXIT:
		process_table_exited(intake->tracker->processes, record);
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

int intake_drain_to(struct intake *intake, struct source_bound *bound)
{
	struct source *source = intake->source;
	uint64_t now_ns = intake_now(intake);

	if (bound->until_ns < now_ns + INTAKE_TURN_NS)
		bound->until_ns = now_ns + INTAKE_TURN_NS;
	if (intake->metrics)
		metric_groups_set_time(intake->metrics, now_ns);
	return source->ops->drain(source, bound, on_record, intake);
}

int intake_drain(struct intake *intake)
{
	bool begins = !intake->in_round;
	int err;

	if (begins) {
		intake->round = (struct source_bound){0};
		intake->round_ns = intake_now(intake);
	}
	err = intake_drain_to(intake, &intake->round);
	intake->in_round = err > 0;
	/* What belongs to a transition of that time has come, too. */
	if (!intake->in_round)
		coalesce_flush(&intake->coalesce, intake->round_ns);
	pace_note(&intake->pace, !begins || intake->in_round, intake_now(intake));
	return err;
}

int intake_finish(struct intake *intake)
{
	struct source *source = intake->source;
	struct source_bound bound = {.until_ns = intake_now(intake) + INTAKE_LAST_NS};
	int err = intake_drain_to(intake, &bound);

	if (err > 0 && source->ops->discard)
		source->ops->discard(source);
	intake->in_round = false;
	coalesce_flush(&intake->coalesce, intake_now(intake));
	return err;
}

void intake_flush(struct intake *intake)
{
	coalesce_flush(&intake->coalesce, UINT64_MAX);
}
