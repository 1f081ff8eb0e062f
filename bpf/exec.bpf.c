// SPDX-License-Identifier: GPL-2.0-only
/* Processes that begin to run another program. Loaded only for stacks (-s). */
#include "common.bpf.h"
#include "ring.bpf.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	struct event_exec *e;
	struct ring_place place;
	__u64 time_ns;

	time_ns = bpf_ktime_get_ns();
	e = ring_reserve(sizeof(*e), &time_ns, &place);
	if (!e)
		return 0;
	begin_record(e, EVENT_EXEC, sizeof(*e), 0, time_ns);
	read_current(&e->task, task);
	e->exec_id = task->self_exec_id;
	e->reserved = 0;
	ring_submit_now(e);
	return 0;
}
