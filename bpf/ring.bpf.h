/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_RING_BPF_H
#define TCPWATCH_RING_BPF_H

/* The way of a record to user space: the ring, its wake-up policy and the ledger of what did not
 * fit. */

#include <bpf/bpf_helpers.h>
#include "event.h"

struct events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20); /* set by user space: --ring-size */
};

struct ledger_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_ledger);
};

extern struct events_map events SEC(".maps");
extern struct ledger_map ledger SEC(".maps");

/* Bytes in the ring at which user space is woken before its timer. */
extern const volatile __u32 wake_bytes;
/* Which of a CPU's records look at it: those whose count has none of these bits. */
extern const volatile __u32 wake_mask;
/* Set here at a wake-up, cleared by user space when it drains: one wake-up, not one a record. */
extern volatile __u32 wake_sent;

/*
 * Room for a record of `size` bytes, counted as wanted and, if there is none, as lost. The counts
 * are atomic since before 6.1 nothing keeps a program from interrupting itself. *look is set now
 * and then: time to look how full the ring is.
 */
static __always_inline void *ring_reserve(__u64 size, bool *look)
{
	struct event_ledger *count;
	__u32 zero = 0;
	void *record;

	count = bpf_map_lookup_elem(&ledger, &zero);
	if (!count)
		return 0;
	*look = !(count->wanted & wake_mask);
	__sync_fetch_and_add(&count->wanted, 1);
	record = bpf_ringbuf_reserve(&events, size, 0);
	if (!record)
		__sync_fetch_and_add(&count->ring_full, 1);
	return record;
}

/*
 * The same where only the making shows whether there is a record: not counted yet, but lost if
 * there is no room. What it gives goes to ring_submit_late() or ring_discard().
 */
static __always_inline void *ring_reserve_early(__u64 size)
{
	void *record = bpf_ringbuf_reserve(&events, size, 0);
	struct event_ledger *count;
	__u32 zero = 0;

	if (record)
		return record;
	count = bpf_map_lookup_elem(&ledger, &zero);
	if (count) {
		__sync_fetch_and_add(&count->wanted, 1);
		__sync_fetch_and_add(&count->ring_full, 1);
	}
	return 0;
}

static __always_inline void ring_discard(void *record)
{
	bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void ring_submit(void *record, bool look)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (look && !wake_sent && bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= wake_bytes) {
		wake_sent = 1;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	bpf_ringbuf_submit(record, flags);
}

/* For what user space must do something about at once. */
static __always_inline void ring_submit_now(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

/* `now`: as ring_submit_now(). */
static __always_inline void ring_submit_late(void *record, bool now)
{
	struct event_ledger *count;
	bool look = false;
	__u32 zero = 0;

	count = bpf_map_lookup_elem(&ledger, &zero);
	if (!count) {
		ring_discard(record);
		return;
	}
	look = !(count->wanted & wake_mask);
	__sync_fetch_and_add(&count->wanted, 1);
	if (now)
		ring_submit_now(record);
	else
		ring_submit(record, look);
}

#endif
