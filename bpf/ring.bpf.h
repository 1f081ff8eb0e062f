/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_RING_BPF_H
#define TCPWATCH_RING_BPF_H

/*
 * How records reach user space: the rings, their wake-up policy, and the ledger of lost records.
 *
 * Each CPU has a ring of its own, its lane: CPUs do not wait for each other's lock, and a lane is
 * so small that it stays in the cache. A record for which the lane has no room goes to a ring that
 * all CPUs share. User space merges the rings by time (user/host/ring_set.c), which gives the
 * records of a socket in their order, because of two rules:
 *
 * - Within a ring, no record has a time later than when it was reserved. So the time is read
 *   before.
 * - Where a record has to come behind one in another ring, its time is later than when that one was
 *   reserved. Across CPUs this holds by itself: a socket's lock is taken over in between, and the
 *   work under it begins with reading the clock. A CPU that changes the ring within that work reads
 *   the clock anew.
 */

#include <bpf/bpf_helpers.h>
#include "event.h"

/* A ring. Only its type matters here; libbpf makes one of a page to show to the verifier. */
struct ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* User space puts the rings into these (user/host/ring_plan.h). `lanes` is by number of CPU: one
 * that came later has none, and always uses a shared ring. `shared` is used from its beginning. */
struct lanes_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* set by user space */
	__type(key, __u32);
	__array(values, struct ring_map);
};

struct shared_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, EVENT_SHARED_RINGS);
	__type(key, __u32);
	__array(values, struct ring_map);
};

struct cpus_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE); /* then its memory begins with a page */
	__uint(max_entries, 1);		   /* set by user space */
	__type(key, __u32);
	__type(value, struct event_cpu);
};

extern struct lanes_map lanes SEC(".maps");
extern struct shared_map shared SEC(".maps");
extern struct cpus_map cpus SEC(".maps");

/* How many bytes in a lane, and in the first shared ring, wake user space before its timer. */
extern const volatile __u32 lane_wake_bytes;
extern const volatile __u32 shared_wake_bytes;
/* Which of a CPU's records check that: those whose number has none of these bits set. */
extern const volatile __u32 wake_mask;
/* Set here at a wake-up, cleared by user space when it drains: there is one wake-up for all records
 * in between. */
extern volatile __u32 wake_sent;
/* Set by user space when it has found nothing for a while and waits without its timer: the next
 * record wakes it. */
extern volatile __u32 resting;

/* When user space is woken for a record. */
enum ring_wake { RING_NO_WAKE, RING_CHECK_LANE, RING_CHECK_SHARED, RING_WAKE };

/* The place of a record that is being written. */
struct ring_place {
	struct event_cpu *cpu;
	enum ring_wake wake;
};

/* Programs stay on their CPU while they run (migrate_disable()). */
static __always_inline struct event_cpu *ring_cpu(void)
{
	__u32 number = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&cpus, &number);
}

static __always_inline void *ring_lane(void)
{
	__u32 number = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&lanes, &number);
}

/* Returns whether it is time to check how full the ring is. The count is atomic: programs interrupt
 * each other, and before 6.1 (05b24ff9b2cf) also themselves. */
static __always_inline bool ring_count(struct event_cpu *cpu)
{
	bool check = !(cpu->wanted & wake_mask);

	__sync_fetch_and_add(&cpu->wanted, 1);
	return check;
}

static __always_inline void *ring_shared(__u32 number)
{
	return bpf_map_lookup_elem(&shared, &number);
}

/*
 * As ring_find(), in a shared ring. Old verifiers forget that a record is not NULL, and take a
 * second look at that for a leak: it is returned from where it was found.
 */
static __always_inline void *ring_find_shared(struct event_cpu *cpu, __u64 size, __u64 *time_ns)
{
	*time_ns = bpf_ktime_get_ns();
	for (__u32 i = 0; i < EVENT_SHARED_RINGS; i++) {
		void *ring = ring_shared(i);
		void *record;

		if (!ring)
			break;
		record = bpf_ringbuf_reserve(ring, size, 0);
		if (!record)
			continue;
		__sync_fetch_and_add(&cpu->shared, 1);
		cpu->shared_ns = bpf_ktime_get_ns();
		return record;
	}
	__sync_fetch_and_add(&cpu->ring_full, 1);
	return 0;
}

/*
 * Finds room for a record. *time_ns is that of the record, read just before; where the record goes
 * to a shared ring, it is read anew. Then the lane is left alone until records have later times
 * than that. Returns NULL, and counts the record as lost, where no ring has room.
 */
static __always_inline void *ring_find(struct event_cpu *cpu, __u64 size, __u64 *time_ns,
				       bool check, enum ring_wake *wake)
{
	void *lane = ring_lane(), *record;

	if (lane && *time_ns > cpu->shared_ns) {
		*wake = check ? RING_CHECK_LANE : RING_NO_WAKE;
		record = bpf_ringbuf_reserve(lane, size, 0);
		if (record)
			return record;
	}
	*wake = lane ? RING_WAKE : check ? RING_CHECK_SHARED : RING_NO_WAKE;
	return ring_find_shared(cpu, size, time_ns);
}

/*
 * Reserves a record of `size` bytes, and counts it as wanted. *time_ns is the time of the record:
 * read it just before, and use what it is afterwards. Returns NULL where no ring has room, and
 * counts it as lost.
 */
static __always_inline void *ring_reserve(__u64 size, __u64 *time_ns, struct ring_place *place)
{
	place->cpu = ring_cpu();
	if (!place->cpu)
		return 0;
	return ring_find(place->cpu, size, time_ns, ring_count(place->cpu), &place->wake);
}

/*
 * Reserves a record of which it is not known yet whether it will be needed. It is counted only
 * where it is lost. The record goes to ring_submit_late() or ring_discard().
 */
static __always_inline void *ring_reserve_early(__u64 size, __u64 *time_ns,
						struct ring_place *place)
{
	void *record;

	place->cpu = ring_cpu();
	if (!place->cpu)
		return 0;
	record = ring_find(place->cpu, size, time_ns, true, &place->wake);
	if (!record)
		ring_count(place->cpu);
	return record;
}

static __always_inline void ring_discard(void *record)
{
	bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
}

/* The first shared ring is at least half of them. */
static __always_inline bool ring_wakes(enum ring_wake wake)
{
	void *ring;

	if (resting)
		return true;
	if (wake == RING_NO_WAKE || wake_sent)
		return false;
	if (wake == RING_WAKE)
		return true;
	ring = wake == RING_CHECK_LANE ? ring_lane() : ring_shared(0);
	return ring && bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) >=
			       (wake == RING_CHECK_LANE ? lane_wake_bytes : shared_wake_bytes);
}

static __always_inline void ring_submit(void *record, const struct ring_place *place)
{
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (ring_wakes(place->wake)) {
		wake_sent = 1;
		resting = 0;
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
static __always_inline void ring_submit_late(void *record, struct ring_place *place, bool now)
{
	if (!ring_count(place->cpu) && place->wake != RING_WAKE)
		place->wake = RING_NO_WAKE;
	if (now)
		ring_submit_now(record);
	else
		ring_submit(record, place);
}

#endif
