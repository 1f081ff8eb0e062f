// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/rings.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/ring_set.h"
#include "tcpwatch.skel.h"

/*
 * How full a ring is, in bytes, when user space is woken before its timer. Records that are taken
 * in few large parts cost less, so it is woken late; what a lane has no room for until then is not
 * lost.
 */
#define LANE_WAKE(size)	  ((size) / 4 * 3)
#define SHARED_WAKE(size) ((size) / 4)

/* A ring is checked each time when about this part of it was written. */
#define CHECK_FRACTION 16

/* How many records are taken between two looks at the clock. */
#define RECORDS_AT_ONCE 16

struct rings {
	const struct tcpwatch *skeleton;
	struct ring_set *set;
	const struct event_cpu *cpus; /* mapped */
	size_t mapped;
	int *fds; /* of the rings */
	uint32_t count;
	uint32_t cpu_count; /* all that may ever be */
};

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Returns how many CPUs there may be, and sets *online to an array of as many, which the caller
 * frees; or returns a negative errno. */
static int find_cpus(bool **online, int *online_count)
{
	int possible = libbpf_num_possible_cpus();
	bool *found;

	if (possible <= 0)
		return possible ? possible : -EINVAL;
	found = calloc((size_t)possible, sizeof(*found));
	if (!found)
		return -ENOMEM;
	*online_count = cpus_online(found, possible);
	*online = found;
	return possible;
}

struct ring_plan rings_plan(const struct options *options)
{
	bool *online = NULL;
	int online_count = 1;

	if (find_cpus(&online, &online_count) < 0)
		online_count = 1;
	free(online);
	return ring_plan_make(options->ring_size, (uint32_t)online_count, page_size());
}

/* Each CPU checks a ring so often that all of its writers together cannot fill 1/CHECK_FRACTION of
 * it between two checks. */
static uint32_t wake_mask(uint32_t size, uint32_t writers, size_t record_size)
{
	uint64_t records = size / CHECK_FRACTION / record_size;
	uint64_t each = 1;

	while (each * 2 * writers <= records)
		each *= 2;
	return (uint32_t)each - 1;
}

int rings_configure(struct tcpwatch *skeleton, const struct options *options)
{
	const struct ring_plan plan = rings_plan(options);
	size_t record =
		options->stack ? sizeof(struct event_stack) : sizeof(struct event_transition);
	int possible = libbpf_num_possible_cpus(), err;

	if (possible <= 0)
		return possible ? possible : -EINVAL;
	err = bpf_map__set_max_entries(skeleton->maps.lanes, (__u32)possible);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.cpus, (__u32)possible);
	if (err)
		return err;
	skeleton->rodata->shared_wake_bytes = SHARED_WAKE(plan.shared_sizes[0]);
	skeleton->rodata->lane_wake_bytes = LANE_WAKE(plan.lane_size);
	skeleton->rodata->wake_mask =
		plan.lanes ? wake_mask(plan.lane_size, 1, record)
			   : wake_mask(plan.shared_sizes[0], (uint32_t)possible, record);
	return 0;
}

/* Makes a ring at the place in one of the maps of rings. Returns 0 or a negative errno. */
static int add_ring(struct rings *rings, const struct bpf_map *map, uint32_t place, uint32_t size)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, size, NULL);

	if (fd < 0)
		return -errno;
	rings->fds[rings->count++] = fd;
	if (bpf_map_update_elem(bpf_map__fd(map), &place, &fd, BPF_ANY))
		return -errno;
	return ring_set_add(rings->set, fd, size);
}

/* The lanes first: ring_set_add(). */
static int add_rings(struct rings *rings, const struct options *options)
{
	int possible, online_count = 0, err = 0;
	struct ring_plan plan;
	bool *online = NULL;

	possible = find_cpus(&online, &online_count);
	if (possible < 0)
		return possible;
	plan = ring_plan_make(options->ring_size, (uint32_t)online_count, page_size());
	rings->cpu_count = (uint32_t)possible;
	rings->fds = calloc((size_t)possible + EVENT_SHARED_RINGS, sizeof(*rings->fds));
	if (!rings->fds)
		err = -ENOMEM;
	for (int cpu = 0; !err && plan.lanes && cpu < possible; cpu++)
		if (online[cpu])
			err = add_ring(rings, rings->skeleton->maps.lanes, (uint32_t)cpu,
				       plan.lane_size);
	for (uint32_t i = 0; !err && i < plan.shared; i++)
		err = add_ring(rings, rings->skeleton->maps.shared, i, plan.shared_sizes[i]);
	free(online);
	return err;
}

static int map_cpus(struct rings *rings)
{
	size_t page = page_size(), size = rings->cpu_count * sizeof(*rings->cpus);
	void *mapped;

	size = (size + page - 1) / page * page;
	mapped =
		mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(rings->skeleton->maps.cpus), 0);
	if (mapped == MAP_FAILED)
		return -errno;
	rings->cpus = mapped;
	rings->mapped = size;
	return 0;
}

int rings_new(struct rings **rings, const struct tcpwatch *skeleton, const struct options *options)
{
	struct rings *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->skeleton = skeleton;
	made->set = ring_set_new();
	err = made->set ? add_rings(made, options) : -ENOMEM;
	if (!err)
		err = map_cpus(made);
	if (err)
		rings_free(made);
	else
		*rings = made;
	return err;
}

void rings_free(struct rings *rings)
{
	if (!rings)
		return;
	ring_set_free(rings->set);
	for (uint32_t i = 0; i < rings->count; i++)
		close(rings->fds[i]);
	free(rings->fds);
	if (rings->cpus)
		munmap((void *)rings->cpus, rings->mapped);
	free(rings);
}

int rings_watch(const struct rings *rings, int epoll_fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	for (uint32_t i = 0; i < rings->count; i++)
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, rings->fds[i], &event))
			return -errno;
	return 0;
}

int rings_drain(struct rings *rings, struct source_bound *bound, source_sink sink, void *context)
{
	int more = 0;

	if (rings->skeleton->bss->resting)
		rings->skeleton->bss->resting = 0;
	rings->skeleton->bss->wake_sent = 0;
	if (!bound->end) /* read before the rings are looked at: host/ring_set.h */
		bound->end = clock_now();
	ring_set_look(rings->set);
	while (ring_set_take(rings->set, bound->end, RECORDS_AT_ONCE, sink, context))
		if (clock_now() >= bound->until_ns) {
			more = 1;
			break;
		}
	ring_set_release(rings->set);
	/* A wake-up in the meantime was for what has just been taken. */
	rings->skeleton->bss->wake_sent = 0;
	return more;
}

bool rings_rest(struct rings *rings)
{
	rings->skeleton->bss->resting = 1;
	/* What was begun before this is seen now, and what comes later wakes. A CPU may still have
	 * both its reading of `resting` and its record to itself, for some nanoseconds: then the
	 * record waits until the wait is over. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ring_set_is_empty(rings->set))
		return true;
	rings->skeleton->bss->resting = 0;
	return false;
}

static void count_record(void *context, const void *record, size_t size)
{
	uint64_t *count = context;

	(void)record;
	(void)size;
	++*count;
}

uint64_t rings_discard(struct rings *rings)
{
	uint64_t count = 0;

	ring_set_look(rings->set);
	ring_set_take(rings->set, UINT64_MAX, SIZE_MAX, count_record, &count);
	ring_set_release(rings->set);
	return count;
}

struct event_cpu rings_counts(const struct rings *rings)
{
	struct event_cpu sum = {0};

	for (uint32_t i = 0; i < rings->cpu_count; i++) {
		const struct event_cpu *cpu = &rings->cpus[i];

		sum.wanted += __atomic_load_n(&cpu->wanted, __ATOMIC_RELAXED);
		sum.ring_full += __atomic_load_n(&cpu->ring_full, __ATOMIC_RELAXED);
		sum.shared += __atomic_load_n(&cpu->shared, __ATOMIC_RELAXED);
	}
	return sum;
}
