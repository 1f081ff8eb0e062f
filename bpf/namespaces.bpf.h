/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_NAMESPACES_BPF_H
#define TCPWATCH_NAMESPACES_BPF_H

#include "common.bpf.h"

/* For its number of elements only: the verifier checks the body of bpf_for_each_map_elem() once,
 * and that of a loop as often as it runs. */
struct steps_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EVENT_NAMESPACES);
	__type(key, __u32);
	__type(value, __u32);
};

extern struct steps_map steps SEC(".maps");

#endif
