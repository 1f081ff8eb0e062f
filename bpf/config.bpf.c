// SPDX-License-Identifier: GPL-2.0-only
/* What the hook families share: maps, and settings that user space makes before loading. */
#include "common.bpf.h"
#include "namespaces.bpf.h"
#include "ring.bpf.h"
#include "stack.bpf.h"

struct lanes_map lanes SEC(".maps");
struct shared_map shared SEC(".maps");
struct cpus_map cpus SEC(".maps");
struct spaces_map spaces SEC(".maps");
struct steps_map steps SEC(".maps");

const volatile __u32 lane_wake_bytes = 1 << 20;
const volatile __u32 shared_wake_bytes = 1 << 20;
const volatile __u32 wake_mask = 0;
/* Not in a cache line with what scans write. */
volatile __u32 wake_sent __attribute__((aligned(128))) = 0;
/* Nor with what is written each time user space drains: it is read for each record. */
volatile __u32 resting __attribute__((aligned(128))) = 0;

const volatile bool stacks = false;

const volatile __u64 pidns_dev = 0;
const volatile __u64 pidns_ino = 0;

char LICENSE[] SEC("license") = "GPL";
