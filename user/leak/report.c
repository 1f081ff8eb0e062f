// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/report.h"

#include <errno.h>

#include "track/sample.h"

int leak_reports_init(struct leak_reports *reports, struct tracker *tracker,
		      const struct leak_hooks *hooks)
{
	*reports = (struct leak_reports){
		.tracker = tracker,
		.hooks = *hooks,
		.groups = leak_groups_new(),
		.names = {.ask = hooks->names, .context = hooks->context},
		.settle_at_ns = UINT64_MAX,
	};
	return reports->groups ? 0 : -ENOMEM;
}

void leak_reports_clear(struct leak_reports *reports)
{
	leak_open_clear(&reports->open);
	leak_groups_free(reports->groups);
	leak_names_clear(&reports->names);
	leak_pending_clear(&reports->pending);
}

static void group_age(struct leak_group *group, uint64_t age_ns, bool at_least)
{
	if (age_ns == DURATION_UNKNOWN || age_ns < group->oldest_ns)
		return;
	group->oldest_ns = age_ns;
	group->oldest_at_least = at_least;
}

struct leak_groups *leak_reports_groups(struct leak_reports *reports, uint64_t now_ns)
{
	const struct leak_open *open;
	uint32_t handle = 0;

	while ((open = leak_open_next(&reports->open, &handle)))
		group_age(open->group, now_ns > open->since_ns ? now_ns - open->since_ns : 0,
			  open->at_least);
	return reports->groups;
}

static void each_open(struct leak_reports *reports,
		      struct process *(*process_of)(const struct leak_group *group),
		      void (*each)(void *context, const struct tcp_socket *socket,
				   struct process *process, enum leak_kind kind),
		      void *context)
{
	const struct leak_open *open;
	uint32_t handle = 0;

	while ((open = leak_open_next(&reports->open, &handle))) {
		const struct tcp_socket *socket =
			socket_table_at(reports->tracker->sockets, handle);

		if (socket->state == TCP_CLOSE_WAIT)
			each(context, socket, process_of(open->group), open->group->kind);
	}
}

static struct process *own_process(const struct leak_group *group)
{
	return group->process;
}

void leak_reports_each(struct leak_reports *reports,
		       void (*each)(void *context, const struct tcp_socket *socket,
				    struct process *process, enum leak_kind kind),
		       void *context)
{
	each_open(reports, own_process, each, context);
}

void leak_reports_each_told(struct leak_reports *reports,
			    void (*each)(void *context, const struct tcp_socket *socket,
					 struct process *process, enum leak_kind kind),
			    void *context)
{
	each_open(reports, leak_group_process, each, context);
}

static bool is_ignored(const struct leak_reports *reports, const struct leak *leak)
{
	return reports->hooks.ignored && reports->hooks.ignored(reports->hooks.context, leak);
}

/* Counts a leak in its group, and sets the number of its site. NULL without memory. */
static struct leak_group *count(struct leak_reports *reports, const struct tcp_socket *socket,
				struct process *process, struct leak *leak)
{
	struct process *counted = process_table_or_unknown(reports->tracker->processes, process);
	struct tcp_socket redirected = {.role = ROLE_SERVER};
	struct leak_group *group;

	/* The address of the connection is not that of the listener it came in by. */
	if (leak->listener && !flow_is_from_listener(&socket->flow, leak->listener)) {
		redirected.flow = *leak->listener;
		socket = &redirected;
	}
	group = leak_groups_get(reports->groups, process, leak->kind, socket, leak->stack);
	if (leak->kind != LEAK_IDLE)
		sample_leak(counted, leak->flow->netns, leak->kind);
	else if (group)
		counted->idle++;
	if (!group)
		return NULL;
	leak->site = group->site_number;
	group_age(group, leak->age_ns, leak->age_at_least);
	leak_group_count(group);
	group->left += leak->at_exit;
	return group;
}

static struct leak_group *add(struct leak_reports *reports, struct tcp_socket *socket,
			      struct process *process, struct leak *leak)
{
	struct leak_group *group;

	socket->leaked = 1; /* it is not judged again, even if it is ignored */
	if (is_ignored(reports, leak))
		return NULL;
	group = count(reports, socket, process, leak);
	if (group && !leak->at_exit) {
		group->open++;
		leak_open_add(&reports->open, socket, group, leak->role); /* or its end is missed */
	}
	reports->hooks.leaked(reports->hooks.context, leak);
	return group;
}

struct leak_group *leak_reports_add_idle(struct leak_reports *reports, struct tcp_socket *socket,
					 struct process *process, struct leak *leak)
{
	bool wait;

	leak->stack = leak_names_get(&reports->names, socket->stack, leak->time_ns, &wait);
	return add(reports, socket, process, leak);
}

void leak_reports_withdraw(struct leak_reports *reports, uint64_t cookie, struct leak_group *group)
{
	const struct tcp_socket *socket = socket_table_find(reports->tracker->sockets, cookie);
	struct leak_open *open = socket ? leak_open_find(&reports->open, socket) : NULL;

	if (!group)
		return;
	group->total--;
	process_table_or_unknown(reports->tracker->processes, group->process)->idle--;
	if (!open) { /* its process has left it */
		group->left--;
		return;
	}
	group->open--;
	leak_open_remove(open);
}

void leak_reports_add(struct leak_reports *reports, struct tcp_socket *socket,
		      struct process *process, struct leak *leak)
{
	bool wait;

	leak->stack = leak_names_get(&reports->names, socket->stack, leak->time_ns, &wait);
	add(reports, socket, process, leak);
}

void leak_reports_add_closing(struct leak_reports *reports, struct tcp_socket *socket,
			      struct process *process, struct leak *leak)
{
	uint64_t retry_ns = leak->time_ns + NAMES_RETRY_NS;
	bool wait;

	leak->stack = leak_names_get(&reports->names, socket->stack, leak->time_ns, &wait);
	if (!wait || !leak_pending_add(&reports->pending, leak, process, socket)) {
		add(reports, socket, process, leak);
		return;
	}
	socket->leaked = 1;
	if (reports->settle_at_ns > retry_ns)
		reports->settle_at_ns = retry_ns;
}

void leak_reports_end(struct leak_reports *reports, struct tcp_socket *socket, uint64_t time_ns)
{
	struct leak_open *open = leak_open_find(&reports->open, socket);
	struct leak_end end = {
		.time_ns = time_ns,
		.cookie = socket->cookie,
		.age_ns = time_ns ? leak_age(socket, time_ns) : DURATION_UNKNOWN,
		.age_at_least = !socket->since_known,
		.flow = &socket->flow,
	};

	if (!open)
		return;
	open->group->open--;
	open->group->left += socket->left;
	group_age(open->group, end.age_ns, end.age_at_least);
	end.process = open->group->process;
	end.kind = open->group->kind;
	end.role = open->role;
	reports->hooks.ended(reports->hooks.context, &end);
	leak_open_remove(open);
}

/* Reports a leak and right after it the end, because the socket is gone. */
static void add_pending(struct leak_reports *reports, struct pending_leak *pending)
{
	struct leak *leak = &pending->leak;
	const struct tcp_socket socket = {.flow = pending->flow, .role = leak->role};
	const struct leak_end end = {
		.time_ns = leak->time_ns,
		.cookie = leak->cookie,
		.age_ns = leak->age_ns,
		.age_at_least = leak->age_at_least,
		.process = pending->process,
		.flow = &pending->flow,
		.role = leak->role,
		.kind = leak->kind,
	};
	struct leak_group *group;

	if (is_ignored(reports, leak))
		return;
	group = count(reports, &socket, pending->process, leak);
	reports->hooks.leaked(reports->hooks.context, leak);
	if (leak->at_exit)
		return;
	if (group)
		group->left += pending->left;
	reports->hooks.ended(reports->hooks.context, &end);
}

struct settling {
	struct leak_reports *reports;
	uint64_t now_ns;
	bool all;
};

static bool settle(void *context, struct pending_leak *pending)
{
	const struct settling *settling = context;
	bool wait;

	pending->leak.stack =
		leak_names_get(&settling->reports->names, pending->stack, settling->now_ns, &wait);
	if (wait && !settling->all)
		return false;
	add_pending(settling->reports, pending);
	return true;
}

void leak_reports_settle(struct leak_reports *reports, uint64_t now_ns, bool all)
{
	struct settling settling = {.reports = reports, .now_ns = now_ns, .all = all};

	if (reports->settle_at_ns > now_ns && !all)
		return;
	leak_pending_run(&reports->pending, settle, &settling);
	reports->settle_at_ns = reports->pending.count ? now_ns + NAMES_RETRY_NS : UINT64_MAX;
}
