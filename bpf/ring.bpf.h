/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_RING_BPF_H
#define TCPWATCH_RING_BPF_H

/* How records reach user space: the ring, its wake-up policy, and the ledger of lost records. */

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

/* How many bytes in the ring wake user space before its timer. */
extern const volatile __u32 wake_bytes;
/* Which of a CPU's records check that: those whose number has none of these bits set. */
extern const volatile __u32 wake_mask;
/* Set here at a wake-up, cleared by user space when it drains: there is one wake-up for all records
 * in between. */
extern volatile __u32 wake_sent;

/*
 * Reserves a record of `size` bytes, and counts it as wanted. Returns NULL where the ring is full,
 * and counts it as lost. The counts are atomic, since before 6.1 a program may interrupt itself.
 * Sets *look where it is time to check how full the ring is.
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
 * Reserves a record of which it is not known yet whether it will be needed. It is counted only
 * where it is lost. The record goes to ring_submit_late() or ring_discard().
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

/* For records that user space must act on at once. */
static __always_inline void ring_submit_now(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

/* Counts and submits a record from ring_reserve_early(); with `now` as ring_submit_now(). */
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
