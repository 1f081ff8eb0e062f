/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAKS_H
#define TCPWATCH_LEAKS_H

/* Sockets that enter CLOSE_WAIT and stay idle, in a world with a leak watch. */
#include "world.h"

#define TICK_NS	  (4 * NS_PER_MS)
#define TICKS(ns) ((uint32_t)((ns) / TICK_NS))

static const struct options everything;

static const struct event_task server = {.start_ns = 6, .tgid = 200, .comm = "nginx"};

static inline struct world *leaks_new(uint64_t threshold_ns)
{
	struct world *world = world_new(&everything);

	world_watch_leaks(world, threshold_ns);
	return world;
}

/* A connection that is accepted, and whose peer closes at at_ns. */
static inline void enter(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	struct event_flow flow = server_flow(cookie);
	struct event_transition e =
		make_transition(cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, at_ns);

	world_step(world, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, at_ns - NS_PER_MS, NULL);
	e.write_seq = 5000;
	e.copied_seq = 7000;
	world_feed(world, &e);
}

static inline void leave(struct world *world, uint64_t cookie, uint64_t at_ns)
{
	struct event_flow flow = server_flow(cookie);

	world_step(world, cookie, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, at_ns, &server);
}

/* The scan record of an idle socket. */
static inline struct event_scan idle(uint64_t cookie, const struct event_task *holder,
				     uint64_t now_ns)
{
	struct event_flow flow = server_flow(cookie);
	struct event_scan scan = make_scan(cookie, &flow, TCP_CLOSE_WAIT, holder, 7, now_ns);

	scan.last_sent_ticks = TICKS(60 * NS_PER_S);
	scan.last_received_ticks = TICKS(60 * NS_PER_S);
	scan.write_seq = 5000;
	scan.copied_seq = 7000;
	return scan;
}

static inline size_t judge(struct world *world, struct scan_result *result, uint64_t now_ns)
{
	size_t missing;

	scan_result_finish(result);
	missing = leak_watch_judge(world->leaks, result, now_ns);
	scan_result_clear(result);
	return missing;
}

/* Judges the sockets that are due; a scan finds the sockets `first` to `last`, held by `server`. */
static inline size_t judge_idle(struct world *world, uint64_t first, uint64_t last, uint64_t now_ns)
{
	struct scan_result result = scan_new(now_ns);

	for (uint64_t cookie = first; cookie <= last; cookie++) {
		struct event_scan scan = idle(cookie, &server, now_ns);

		scan_add(&result, &scan);
	}
	return judge(world, &result, now_ns);
}

#endif
