// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "watch_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "options.h"

struct member {
	uint32_t tgid;
	uint64_t start_ns; /* 0 = not seen yet */
	bool exited;
};

struct watch_set {
	const struct options *options;
	struct member *members; /* by -p and -f */
	size_t count;
};

static int member_add(struct watch_set *set, uint32_t tgid, uint64_t start_ns)
{
	struct member *members = realloc(set->members, (set->count + 1) * sizeof(*members));

	if (!members)
		return -1;
	set->members = members;
	members[set->count++] = (struct member){.tgid = tgid, .start_ns = start_ns};
	return 0;
}

struct watch_set *watch_set_new(const struct options *options)
{
	struct watch_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->options = options;
	for (size_t i = 0; i < options->pid_count; i++)
		if (member_add(set, options->pids[i], 0)) {
			watch_set_free(set);
			return NULL;
		}
	return set;
}

void watch_set_free(struct watch_set *set)
{
	if (!set)
		return;
	free(set->members);
	free(set);
}

static bool has_member(struct watch_set *set, uint32_t tgid, uint64_t start_ns)
{
	for (size_t i = 0; i < set->count; i++) {
		struct member *member = &set->members[i];

		if (member->tgid != tgid)
			continue;
		if (!member->start_ns && !member->exited)
			member->start_ns = start_ns;
		if (member->start_ns == start_ns)
			return true;
	}
	return false;
}

static bool has_comm(const struct options *options, const char *comm)
{
	for (size_t i = 0; i < options->comm_count; i++)
		if (!strcmp(options->comms[i], comm))
			return true;
	return false;
}

bool watch_set_has_process(struct watch_set *set, uint32_t tgid, uint64_t start_ns,
			   const char *comm)
{
	const struct options *options = set->options;

	if (options->pid_count && !has_member(set, tgid, start_ns))
		return false;
	return !options->comm_count || has_comm(options, comm);
}

bool watch_set_add_child(struct watch_set *set, uint32_t parent, uint64_t parent_start_ns,
			 uint32_t child, uint64_t child_start_ns)
{
	if (!set->options->follow_forks || !has_member(set, parent, parent_start_ns))
		return false;
	return !member_add(set, child, child_start_ns);
}

void watch_set_exited(struct watch_set *set, uint32_t tgid)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->members[i].tgid == tgid)
			set->members[i].exited = true;
}

static bool has_port(const uint16_t *ports, size_t count, uint16_t port)
{
	if (!count || !port)
		return true;
	for (size_t i = 0; i < count; i++)
		if (ports[i] == port)
			return true;
	return false;
}

bool watch_set_has_flow(const struct watch_set *set, const struct flow *flow)
{
	const struct options *options = set->options;

	if (options->only_ipv4 && flow->family != AF_INET)
		return false;
	if (options->only_ipv6 && flow->family != AF_INET6)
		return false;
	return has_port(options->local_ports, options->local_port_count, flow->local_port) &&
	       has_port(options->remote_ports, options->remote_port_count, flow->remote_port);
}

bool watch_set_is_selective(const struct watch_set *set)
{
	return set->options->pid_count || set->options->comm_count;
}
