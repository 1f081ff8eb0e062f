// SPDX-License-Identifier: GPL-2.0-only
/* Which network namespaces there are, whether or not a process is in them. */
#include "common.bpf.h"
#include "namespaces.bpf.h"
#include <bpf/bpf_tracing.h>

/* From v6.18 on (include/linux/ns_common.h): a number that no other namespace ever has. */
struct ns_common___numbered {
	u64 ns_id;
} __attribute__((preserve_access_index));

struct walk {
	struct seq_file *seq;
	const struct net *own;
	const struct net *at;
	const void *operations; /* of every network namespace */
};

static __always_inline __u64 namespace_id(const struct net *net)
{
	const struct ns_common___numbered *ns = (const void *)&net->ns;

	return bpf_core_field_exists(ns->ns_id) ? BPF_CORE_READ(ns, ns_id) : 0;
}

/* Returns 0 to go on, 1 at the end. */
static long step(void *map, const void *key, void *value, struct walk *walk)
{
	const struct net *net = walk->at;
	struct event_namespace e = {};

	if (!net) {
		bpf_seq_write(walk->seq, &e, sizeof(e));
		return 1;
	}
	if (BPF_CORE_READ(net, ns.ops) == walk->operations) {
		e.id = namespace_id(net);
		e.netns = BPF_CORE_READ(net, ns.inum);
		bpf_seq_write(walk->seq, &e, sizeof(e));
	}
	net = (const void *)BPF_CORE_READ(net, list.next) - bpf_core_field_offset(struct net, list);
	walk->at = net == walk->own ? NULL : net;
	return 0;
}

/*
 * Written all at once, for the first task. The list is net_namespace_list
 * (net/core/net_namespace.c), a ring of RCU that also goes through its head, which is no namespace
 * and has no operations of one. A namespace leaves it when its last reference goes (cleanup_net()).
 */
SEC("iter/task")
int scan_namespaces(struct bpf_iter__task *ctx)
{
	struct walk walk = {};
	const struct net *own;

	if (!ctx->task || ctx->meta->seq_num)
		return 0;
	walk.seq = ctx->meta->seq;
	own = bpf_get_current_task_btf()->nsproxy->net_ns;
	walk.own = own;
	walk.at = own;
	walk.operations = BPF_CORE_READ(own, ns.ops);
	bpf_for_each_map_elem(&steps, step, &walk, 0);
	return 0;
}
