// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "sample.h"

#include <string.h>

#include "metric_group.h"
#include "socket_table.h"

struct metric_group *sample_group(const struct process *process, uint32_t netns)
{
	struct metric_key key = {
		.cgroup = process->cgroup,
		.pid = process->tgid,
		.netns = netns,
	};

	if (!process->metrics)
		return NULL;
	memcpy(key.comm, process->comm, sizeof(key.comm));
	return metric_groups_get(process->metrics, &key);
}

void sample_transition(struct process *process, uint32_t netns, unsigned int from, unsigned int to,
		       uint64_t ns)
{
	struct metric_group *group;

	process_record(process, from, to, ns);
	group = process->watched ? sample_group(process, netns) : NULL;
	if (!group)
		return;
	group->exported = false;
	group->transitions[from][to]++;
	if (ns != DURATION_UNKNOWN)
		metric_histogram_record(&group->lifetimes[from], ns);
}

void sample_accept(struct process *process, uint32_t netns, uint64_t wait_ns)
{
	struct metric_group *group;

	process_record_accept(process, wait_ns);
	group = process->watched ? sample_group(process, netns) : NULL;
	if (!group)
		return;
	group->exported = false;
	metric_histogram_record(&group->accept_wait, wait_ns);
}

void sample_leak(struct process *process, uint32_t netns, enum leak_kind kind)
{
	struct metric_group *group;

	process->leaks[kind]++;
	group = process->watched ? sample_group(process, netns) : NULL;
	if (!group)
		return;
	group->exported = false;
	group->leaks[kind]++;
}
