// SPDX-License-Identifier: GPL-2.0-only
/* What the cheapest possible program costs on the tracepoint: the zero of the kernel-cost scale. */
#include <bpf/bpf_helpers.h>

SEC("tp_btf/inet_sock_set_state")
int empty_set_state(void *ctx)
{
	(void)ctx;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
