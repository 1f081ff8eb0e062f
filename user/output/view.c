// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t sum_transitions(const struct process *process)
{
	uint64_t sum = 0;

	for (size_t i = 0; (i = counters_next(process->transitions, i)) < COUNTERS_MAX; i++)
		sum += counters_get(process->transitions, i);
	return sum;
}

static uint64_t sum_leaks(const struct process *process)
{
	uint64_t sum = 0;

	for (int i = 0; i < LEAK_KINDS; i++)
		sum += process->leaks[i];
	return sum;
}

static int compare_busy(const void *a, const void *b)
{
	const struct view_process *x = a, *y = b;

	if (x->leaks != y->leaks)
		return x->leaks < y->leaks ? 1 : -1;
	if (x->transitions != y->transitions)
		return x->transitions < y->transitions ? 1 : -1;
	if (x->process->tgid != y->process->tgid)
		return x->process->tgid > y->process->tgid ? 1 : -1;
	if (x->process->start_ns != y->process->start_ns)
		return x->process->start_ns > y->process->start_ns ? 1 : -1;
	return strcmp(x->process->comm, y->process->comm);
}

static int compare_address(const void *a, const void *b)
{
	const struct view_process *x = a, *y = b;

	return (x->process > y->process) - (x->process < y->process);
}

/* *last is what was found last: most sockets are next to others of their process. */
static void count_one(struct view *view, const struct process *owner, unsigned int state,
		      struct view_process **last)
{
	struct view_process key = {.process = owner};

	if (!*last || (*last)->process != owner)
		*last = bsearch(&key, view->processes, view->process_count, sizeof(key),
				compare_address);
	if (*last)
		(*last)->open[state]++;
}

static void count_open(struct view *view, struct tracker *tracker)
{
	struct process *unknown = process_table_unknown(tracker->processes);
	struct view_process *last = NULL;
	struct tcp_socket *socket;
	struct mini_socket *mini;
	uint32_t position = 0;

	while ((socket = socket_table_next(tracker->sockets, &position)))
		if (!socket->hidden && socket->state != TCP_CLOSE)
			count_one(view, socket->owner ? socket->owner : unknown, socket->state,
				  &last);
	position = 0;
	while ((mini = mini_table_next(tracker->minis, &position)))
		if (!mini->hidden)
			count_one(view, mini->owner ? mini->owner : unknown, mini->state, &last);
}

static bool has_anything(const struct view_process *process)
{
	for (int i = 0; i < TCP_STATES; i++)
		if (process->open[i])
			return true;
	return process->transitions || process->leaks || process->process->accept_wait ||
	       segment_count_any(&process->process->segments);
}

static int add_processes(struct view *view, struct tracker *tracker)
{
	struct process *process = NULL;
	size_t count = 0, kept = 0;

	while ((process = process_table_next(tracker->processes, process)))
		count += process->watched;
	view->processes = calloc(count ? count : 1, sizeof(*view->processes));
	if (!view->processes)
		return -ENOMEM;
	while ((process = process_table_next(tracker->processes, process))) {
		if (!process->watched)
			continue;
		view->processes[view->process_count++] = (struct view_process){
			.process = process,
			.transitions = sum_transitions(process),
			.leaks = sum_leaks(process),
		};
	}
	qsort(view->processes, count, sizeof(*view->processes), compare_address);
	count_open(view, tracker);
	for (size_t i = 0; i < count; i++)
		if (has_anything(&view->processes[i]))
			view->processes[kept++] = view->processes[i];
	view->process_count = kept;
	qsort(view->processes, kept, sizeof(*view->processes), compare_busy);
	return 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct leak_group *x = *(const struct leak_group *const *)a;
	const struct leak_group *y = *(const struct leak_group *const *)b;

	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	if (x->oldest_ns != y->oldest_ns)
		return x->oldest_ns < y->oldest_ns ? 1 : -1;
	return strcmp(x->place, y->place);
}

static int add_groups(struct view *view, struct leak_groups *groups)
{
	struct leak_group *group = NULL;
	size_t count = 0;

	while ((group = leak_groups_next(groups, group)))
		count++;
	while ((group = leak_groups_next_part(groups, group)))
		count++;
	view->groups = calloc(count ? count : 1, sizeof(*view->groups));
	if (!view->groups)
		return -ENOMEM;
	view->idle = view->groups + count;
	while ((group = leak_groups_next(groups, group))) {
		if (group->kind != LEAK_IDLE)
			view->groups[view->group_count++] = group;
		else if (group->total) {
			*--view->idle = group;
			view->idle_count++;
		}
	}
	qsort(view->groups, view->group_count, sizeof(*view->groups), compare_groups);
	qsort(view->idle, view->idle_count, sizeof(*view->idle), compare_groups);
	view->part_count = 0;
	while ((group = leak_groups_next_part(groups, group)))
		view->groups[view->group_count + view->part_count++] = group;
	return 0;
}

int view_build(struct view *view, struct tracker *tracker, struct leak_groups *groups,
	       const struct ledger *ledger, uint64_t now_ns, uint64_t started_ns)
{
	memset(view, 0, sizeof(*view));
	view->now_ns = now_ns;
	view->duration_ns = now_ns - started_ns;
	view->ledger = *ledger;
	if (add_processes(view, tracker) || add_groups(view, groups)) {
		view_clear(view);
		return -ENOMEM;
	}
	return 0;
}

void view_clear(struct view *view)
{
	finding_list_clear(&view->findings);
	free(view->processes);
	free(view->groups);
	memset(view, 0, sizeof(*view));
}
