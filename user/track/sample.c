// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/sample.h"

#include <string.h>

#include "metric/group.h"
#include "track/socket_table.h"

struct metric_group *sample_member_group(const struct sample_member *member, uint32_t netns)
{
	const struct process *process = member->process;
	struct metric_key key = {.cgroup = member->cgroup, .pid = member->pid, .netns = netns};

	if (!process->metrics || !process->watched)
		return NULL;
	memcpy(key.comm, process->comm, sizeof(key.comm));
	return metric_groups_get(process->metrics, &key);
}

static struct sample_member itself(const struct process *process)
{
	return (struct sample_member){.process = (struct process *)process,
				      .pid = process->tgid,
				      .cgroup = process->cgroup};
}

struct metric_group *sample_group(const struct process *process, uint32_t netns)
{
	const struct sample_member member = itself(process);

	return sample_member_group(&member, netns);
}

/* The group, marked as changed since it was last exported. */
static struct metric_group *changed_group(const struct sample_member *member, uint32_t netns)
{
	struct metric_group *group = NULL;

	if (member->process->metrics)
		group = sample_member_group(member, netns);

	if (group)
		group->exported = false;
	return group;
}

void sample_member_transition(const struct sample_member *member, uint32_t netns, unsigned int from,
			      unsigned int to, uint64_t ns)
{
	struct metric_group *group = changed_group(member, netns);

	process_record(member->process, from, to, ns);
	if (!group)
		return;
	group->transitions[from][to]++;
	if (ns != DURATION_UNKNOWN)
		metric_histogram_record(&group->lifetimes[from], ns);
}

void sample_transition(struct process *process, uint32_t netns, unsigned int from, unsigned int to,
		       uint64_t ns)
{
	const struct sample_member member = itself(process);

	sample_member_transition(&member, netns, from, to, ns);
}

void sample_accept(struct process *process, uint32_t netns, uint64_t wait_ns)
{
	const struct sample_member member = itself(process);
	struct metric_group *group = changed_group(&member, netns);

	process_record_accept(process, wait_ns);
	if (group)
		metric_histogram_record(&group->accept_wait, wait_ns);
}

void sample_leak(struct process *process, uint32_t netns, enum leak_kind kind)
{
	const struct sample_member member = itself(process);
	struct metric_group *group = changed_group(&member, netns);

	process->leaks[kind]++;
	if (group)
		group->leaks[kind]++;
}

void sample_segments(struct process *process, uint32_t netns, const struct segment_count *count)
{
	const struct sample_member member = itself(process);
	struct metric_group *group = changed_group(&member, netns);

	process_record_segments(process, count);
	if (group)
		segment_count_add(&group->segments, count);
}
