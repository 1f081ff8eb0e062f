// SPDX-License-Identifier: GPL-2.0-only
/* What the hook families share: maps, and settings that user space makes before loading. */
#include "common.bpf.h"
#include "namespaces.bpf.h"
#include "ring.bpf.h"
#include "stack.bpf.h"

struct events_map events SEC(".maps");
struct ledger_map ledger SEC(".maps");
struct spaces_map spaces SEC(".maps");
struct steps_map steps SEC(".maps");

const volatile __u32 wake_bytes = 1 << 20;
const volatile __u32 wake_mask = 0;
volatile __u32 wake_sent = 0;

const volatile bool stacks = false;

const volatile __u64 pidns_dev = 0;
const volatile __u64 pidns_ino = 0;

char LICENSE[] SEC("license") = "GPL";
