// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "model/options.h"

/* A process by pid: given with -p, or (with -f) a child of such a process. */
struct member {
	uint32_t tgid;
	uint64_t start_ns; /* 0 = not seen yet */
	bool child;
	bool exited;
	UT_hash_handle hh;
};

/* How many of the children that exited last stay known: records of their forks may come later. */
#define EXITED_KEPT 4096

struct filter {
	const struct options *options;
	bool by_flow;		      /* the options select ports or a family */
	struct member *members;	      /* by tgid */
	uint32_t exited[EXITED_KEPT]; /* a ring; 0 = none */
	unsigned int exited_next;
};

static struct member *member_find(const struct filter *filter, uint32_t tgid)
{
	struct member *member;

	HASH_FIND(hh, filter->members, &tgid, sizeof(tgid), member);
	return member;
}

static int member_add(struct filter *filter, uint32_t tgid, uint64_t start_ns, bool child)
{
	struct member *member = calloc(1, sizeof(*member));

	if (!member)
		return -ENOMEM;
	member->tgid = tgid;
	member->start_ns = start_ns;
	member->child = child;
	HASH_ADD(hh, filter->members, tgid, sizeof(member->tgid), member);
	if (!member->hh.tbl) {
		free(member);
		return -ENOMEM;
	}
	return 0;
}

static void member_remove(struct filter *filter, struct member *member)
{
	HASH_DEL(filter->members, member);
	free(member);
}

struct filter *filter_new(const struct options *options)
{
	struct filter *filter = calloc(1, sizeof(*filter));

	if (!filter)
		return NULL;
	filter->options = options;
	filter->by_flow = options->only_ipv4 || options->only_ipv6 || options->local_port_count ||
			  options->remote_port_count;
	for (size_t i = 0; i < options->pid_count; i++)
		if (member_add(filter, options->pids[i], 0, false)) {
			filter_free(filter);
			return NULL;
		}
	return filter;
}

void filter_free(struct filter *filter)
{
	struct member *member, *next;

	if (!filter)
		return;
	HASH_ITER (hh, filter->members, member, next)
		member_remove(filter, member);
	free(filter);
}

static bool has_member(struct filter *filter, uint32_t tgid, uint64_t start_ns)
{
	struct member *member = member_find(filter, tgid);

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

bool filter_has_process(struct filter *filter, uint32_t tgid, uint64_t start_ns, const char *comm)
{
	const struct options *options = filter->options;

	if (options->pid_count && !has_member(filter, tgid, start_ns))
		return false;
	return !options->comm_count || has_comm(options, comm);
}

bool filter_add_child(struct filter *filter, uint32_t parent, uint64_t parent_start_ns,
		      uint32_t child, uint64_t child_start_ns)
{
	struct member *before;

	if (!filter->options->follow_forks || !has_member(filter, parent, parent_start_ns))
		return false;
	before = member_find(filter, child);
	if (before && before->start_ns == child_start_ns)
		return false;
	if (before) /* the pid was used before by another process */
		member_remove(filter, before);
	return !member_add(filter, child, child_start_ns, true);
}

void filter_exited(struct filter *filter, uint32_t tgid)
{
	struct member *member = member_find(filter, tgid), *oldest;
	uint32_t *slot = &filter->exited[filter->exited_next % EXITED_KEPT];

	/* A process that was seen stays known, for records that come later. */
	if (member && !member->start_ns) {
		member_remove(filter, member);
		return;
	}
	if (!member || !member->child || member->exited)
		return;
	oldest = *slot ? member_find(filter, *slot) : NULL;
	if (oldest && oldest->exited)
		member_remove(filter, oldest);
	member->exited = true;
	*slot = tgid;
	filter->exited_next++;
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

/* A listener on :: also accepts IPv4, so it matches both families. */
static bool is_listener(const struct flow *flow)
{
	return !flow->remote_port;
}

bool filter_has_flow(const struct filter *filter, const struct flow *flow)
{
	const struct options *options = filter->options;

	if (!filter->by_flow)
		return true;
	return (is_listener(flow) || has_family(options, flow)) &&
	       has_port(options->local_ports, options->local_port_count, flow->local_port) &&
	       has_port(options->remote_ports, options->remote_port_count, flow->remote_port);
}

bool filter_hides_flow(const struct filter *filter, const struct flow *flow)
{
	const struct options *options = filter->options;

	if (!filter->by_flow)
		return false;
	return (options->local_port_count && !flow->local_port) ||
	       (options->remote_port_count && !flow->remote_port) || !has_family(options, flow);
}

bool filter_has_names(const struct filter *filter)
{
	return filter->options->comm_count;
}

bool filter_is_selective(const struct filter *filter)
{
	return filter->options->pid_count || filter->options->comm_count;
}
