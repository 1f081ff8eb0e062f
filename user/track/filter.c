// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "model/options.h"

/* A process by pid: asked for with -p, or (with -f) a child of one. */
struct member {
	uint32_t tgid;
	uint64_t start_ns; /* 0 = not seen yet */
	bool child;
	bool exited;
	UT_hash_handle hh;
};

/* Children that ended last stay known: births of theirs may still be on their way. */
#define EXITED_KEPT 4096

struct watch_set {
	const struct options *options;
	struct member *members;	      /* by tgid */
	uint32_t exited[EXITED_KEPT]; /* a ring; 0 = none */
	unsigned int exited_next;
};

static struct member *member_find(const struct watch_set *set, uint32_t tgid)
{
	struct member *member;

	HASH_FIND(hh, set->members, &tgid, sizeof(tgid), member);
	return member;
}

static int member_add(struct watch_set *set, uint32_t tgid, uint64_t start_ns, bool child)
{
	struct member *member = calloc(1, sizeof(*member));

	if (!member)
		return -ENOMEM;
	member->tgid = tgid;
	member->start_ns = start_ns;
	member->child = child;
	HASH_ADD(hh, set->members, tgid, sizeof(member->tgid), member);
	if (!member->hh.tbl) {
		free(member);
		return -ENOMEM;
	}
	return 0;
}

static void member_remove(struct watch_set *set, struct member *member)
{
	HASH_DEL(set->members, member);
	free(member);
}

struct watch_set *watch_set_new(const struct options *options)
{
	struct watch_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->options = options;
	for (size_t i = 0; i < options->pid_count; i++)
		if (member_add(set, options->pids[i], 0, false)) {
			watch_set_free(set);
			return NULL;
		}
	return set;
}

void watch_set_free(struct watch_set *set)
{
	struct member *member, *next;

	if (!set)
		return;
	HASH_ITER (hh, set->members, member, next)
		member_remove(set, member);
	free(set);
}

static bool has_member(struct watch_set *set, uint32_t tgid, uint64_t start_ns)
{
	struct member *member = member_find(set, tgid);

	if (!member)
		return false;
	if (!member->start_ns)
		member->start_ns = start_ns;
	return member->start_ns == start_ns;
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
	struct member *before;

	if (!set->options->follow_forks || !has_member(set, parent, parent_start_ns))
		return false;
	before = member_find(set, child);
	if (before && before->start_ns == child_start_ns)
		return false;
	if (before) /* its pid was used again */
		member_remove(set, before);
	return !member_add(set, child, child_start_ns, true);
}

void watch_set_exited(struct watch_set *set, uint32_t tgid)
{
	struct member *member = member_find(set, tgid), *oldest;
	uint32_t *slot = &set->exited[set->exited_next % EXITED_KEPT];

	/* One that was seen keeps its identity, for records that are still on their way. */
	if (member && !member->start_ns) {
		member_remove(set, member);
		return;
	}
	if (!member || !member->child || member->exited)
		return;
	oldest = *slot ? member_find(set, *slot) : NULL;
	if (oldest && oldest->exited)
		member_remove(set, oldest);
	member->exited = true;
	*slot = tgid;
	set->exited_next++;
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

static bool has_family(const struct options *options, const struct flow *flow)
{
	return !(options->only_ipv4 && flow->family != AF_INET) &&
	       !(options->only_ipv6 && flow->family != AF_INET6);
}

/* A listener on :: also takes IPv4. */
static bool is_listener(const struct flow *flow)
{
	return !flow->remote_port;
}

bool watch_set_has_flow(const struct watch_set *set, const struct flow *flow)
{
	const struct options *options = set->options;

	return (is_listener(flow) || has_family(options, flow)) &&
	       has_port(options->local_ports, options->local_port_count, flow->local_port) &&
	       has_port(options->remote_ports, options->remote_port_count, flow->remote_port);
}

bool watch_set_hides_flow(const struct watch_set *set, const struct flow *flow)
{
	const struct options *options = set->options;

	return (options->local_port_count && !flow->local_port) ||
	       (options->remote_port_count && !flow->remote_port) || !has_family(options, flow);
}

bool watch_set_has_names(const struct watch_set *set)
{
	return set->options->comm_count;
}

bool watch_set_is_selective(const struct watch_set *set)
{
	return set->options->pid_count || set->options->comm_count;
}
