// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/metric_collect.h"

#include "track/mini_tracker.h"
#include "track/sample.h"

/* With the group that was found last: most sockets are next to others of their process. */
struct collecting {
	struct tracker *tracker;
	const struct process *process;
	uint32_t netns;
	struct metric_group *group;
};

/* NULL where nothing is counted: the process is not watched. */
static struct metric_group *group_of(struct collecting *collecting, const struct process *owner,
				     uint32_t netns)
{
	struct process *process =
		process_table_or_unknown(collecting->tracker->processes,
					 (struct process *)owner); /* it is not const there */

	if (process == collecting->process && netns == collecting->netns)
		return collecting->group;
	collecting->process = process;
	collecting->netns = netns;
	collecting->group = sample_group(process, netns);
	return collecting->group;
}

static void count_socket(struct collecting *collecting, const struct tcp_socket *socket)
{
	struct metric_group *group;

	if (socket->hidden || socket->state == TCP_CLOSE)
		return;
	group = group_of(collecting, socket->owner, socket->flow.netns);
	if (!group)
		return;
	group->sockets[socket->state]++;
	if (socket->state == TCP_CLOSE_WAIT &&
	    (!group->oldest_ns || socket->since_ns < group->oldest_ns))
		group->oldest_ns = socket->since_ns;
}

static void count_mini(struct tracker *tracker, const struct mini_socket *mini)
{
	const struct sample_member member = mini_member(tracker, mini);
	struct metric_group *group =
		mini->hidden ? NULL : sample_member_group(&member, mini->netns);

	if (group)
		group->sockets[mini->state]++;
}

static void count_leak(void *context, const struct tcp_socket *socket, struct process *process,
		       enum leak_kind kind)
{
	struct metric_group *group = group_of(context, process, socket->flow.netns);

	if (group && kind == LEAK_IDLE)
		group->idle++;
	else if (group)
		group->leaked[kind]++;
}

/* A finding of no single process counts for the unknown process. */
static void count_finding(void *context, enum finding_id id, const struct process *process,
			  uint32_t netns)
{
	struct metric_group *group = group_of(context, process, netns);

	if (group)
		group->findings[id]++;
}

void metric_collect(struct metric_groups *groups, struct tracker *tracker, struct leak_watch *leaks,
		    const struct finding_watch *findings)
{
	struct collecting collecting = {.tracker = tracker};
	const struct tcp_socket *socket;
	const struct mini_socket *mini;
	uint32_t position = 0;

	metric_groups_begin(groups);
	while ((socket = socket_table_next(tracker->sockets, &position)))
		count_socket(&collecting, socket);
	position = 0;
	while ((mini = mini_table_next(tracker->minis, &position)))
		count_mini(tracker, mini);
	leak_reports_each(leak_watch_reports(leaks), count_leak, &collecting);
	finding_watch_each(findings, count_finding, &collecting);
}
