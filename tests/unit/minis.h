/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_MINIS_H
#define TCPWATCH_MINIS_H

/* Connections that go on as mini-sockets. */
#include "world.h"

#include "track/mini_tracker.h"

#define MS   NS_PER_MS
#define BOTH 3

static const struct options everything;

static const struct event_task client = {.start_ns = 5, .tgid = 100, .comm = "curl"};
static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};

/* A connection to port 80 of 10.0.0.1. */
static inline struct event_flow client_flow(uint64_t cookie)
{
	return make_flow("10.0.0.2", (uint16_t)(1024 + cookie % 60000), "10.0.0.1", 80);
}

/* The last transition of a client that closed first, from `from`; flags as of the kernel. */
static inline void last_step(struct world *world, uint64_t cookie, unsigned int from, __u16 flags,
			     uint64_t at_ns)
{
	struct event_flow flow = client_flow(cookie);
	struct event_transition e = make_transition(cookie, &flow, from, TCP_CLOSE, at_ns);

	e.flow.flags = flags;
	e.shutdown = BOTH;
	world_feed(world, &e);
}

/* A client's connection up to FIN_WAIT2, which it enters at at_ns. */
static inline void to_fin_wait2(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	struct event_flow flow = client_flow(cookie);

	world_step(world, cookie, &flow, TCP_CLOSE, TCP_SYN_SENT, at_ns - 9 * MS, &client);
	world_step(world, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, at_ns - 8 * MS, NULL);
	world_step(world, cookie, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, at_ns - 4 * MS, &client);
	world_step(world, cookie, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, at_ns, NULL);
}

/* In TIME_WAIT from at_ns, after 50 ms in FIN_WAIT2. */
static inline void to_time_wait(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	to_fin_wait2(world, cookie, at_ns - 50 * MS);
	last_step(world, cookie, TCP_FIN_WAIT2, EVENT_DEAD | EVENT_DONE, at_ns);
}

/* An orphan, 1 ms after it entered FIN_WAIT2 at at_ns. */
static inline void to_orphan(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	to_fin_wait2(world, cookie, at_ns);
	last_step(world, cookie, TCP_FIN_WAIT2, EVENT_DEAD, at_ns + MS);
}

static inline void tell(struct world *world, uint64_t cookie, enum event_mini_what what,
			unsigned int tcp_state, __s32 left_ticks, uint64_t at_ns)
{
	struct event_flow flow = client_flow(cookie);
	struct event_mini e = make_mini(cookie, &flow, what, tcp_state, left_ticks, at_ns);

	world_feed_mini(world, &e);
}

/* The change number `index` was this one. */
static inline const struct change *check_change(const struct world *world, size_t index,
						unsigned int from, unsigned int to,
						uint64_t lifetime_ns, enum cause cause)
{
	const struct change *change = &world->changes[index].change;

	assert_true(index < world->change_count);
	assert_int_equal(change->from, from);
	assert_int_equal(change->to, to);
	assert_int_equal(change->lifetime_ns, lifetime_ns);
	assert_int_equal(change->cause, cause);
	return change;
}

static inline const struct change *check_last(const struct world *world, unsigned int from,
					      unsigned int to, uint64_t lifetime_ns,
					      enum cause cause)
{
	assert_in_range(world->change_count, 1, WORLD_NOTES);
	return check_change(world, world->change_count - 1, from, to, lifetime_ns, cause);
}

/* Of a process's lifetimes in a state: so many, of this sum. */
static inline void check_lifetimes(const struct process *process, unsigned int tcp_state,
				   uint64_t count, uint64_t sum_ns)
{
	assert_int_equal(process_count(process, tcp_state), count);
	assert_int_equal(process_sum(process, tcp_state), sum_ns);
}

#endif
