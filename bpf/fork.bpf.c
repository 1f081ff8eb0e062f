// SPDX-License-Identifier: GPL-2.0-only
/* Processes that fork, and that end. Loaded only to follow them (-f) and for stacks (-s). */
#include "common.bpf.h"
#include "ring.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct event_fork *e;
	struct ring_place place;
	__u64 time_ns;

	if (child->pid != child->tgid) /* it is a thread */
		return 0;
	time_ns = bpf_ktime_get_ns();
	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	begin_record(e, EVENT_FORK, sizeof(*e), 0, time_ns);
	read_process(&e->parent, parent);
	read_process(&e->child, child);
	if (pidns_ino) {
		e->parent.tgid = task_tgid_here(parent);
		e->child.tgid = task_tgid_here(child);
	}
	ring_submit(e, &place);
	return 0;
}

/* do_exit() in kernel/exit.c calls this for each thread, before it closes files. What holds sockets
 * without a descriptor, such as an io_uring, is closed by kernel threads later. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct event_exit *e;
	struct ring_place place;
	__u64 time_ns;

	if (task->signal->live.counter) /* other threads go on */
		return 0;
	time_ns = bpf_ktime_get_ns();
	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	begin_record(e, EVENT_EXIT, sizeof(*e), 0, time_ns);
	read_current(&e->task, task);
	ring_submit(e, &place);
	return 0;
}
