/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WORLD_H
#define TCPWATCH_WORLD_H

/* The engine's intake with a tracker and a leak watch behind it. The hooks write down what they are
 * given. */
#include "events.h"

#include "engine/intake.h"
#include "leak/watch.h"
#include "model/options.h"
#include "track/reconcile.h"
#include "track/transition.h"

#define WORLD_NOTES 256
#define SELF_TGID   999

struct world_change {
	struct change change;
	struct flow flow; /* change.flow is valid during the call only */
	bool known;	  /* there was a socket */
};

struct world_left {
	uint64_t cookie;
	uint64_t time_ns;
	unsigned int state;
};

struct world_accepted {
	struct accepted accepted;
	struct flow flow; /* accepted.flow is valid during the call only */
};

struct world_leak {
	struct leak leak;
	struct flow flow;
	struct leak_holder holders[LEAK_HOLDERS_NAMED];
};

/* The counts go on where there is no more room for notes. */
struct world {
	struct filter *watched;
	struct tracker tracker;
	struct ledger ledger;
	struct intake intake;
	struct leak_watch *leaks; /* NULL = not asked for */
	size_t change_count, accepted_count, left_count, found_count, leak_count, end_count;
	struct world_change changes[WORLD_NOTES];
	struct world_accepted accepted[WORLD_NOTES];
	struct world_left left[WORLD_NOTES];
	struct tcp_socket found[WORLD_NOTES];
	struct world_leak leak_notes[WORLD_NOTES];
	struct leak_end ends[WORLD_NOTES];
};

static inline void world_on_left(void *context, struct tcp_socket *socket,
				 const struct event_transition *e)
{
	struct world *world = context;

	if (world->leaks)
		leak_watch_left(world->leaks, socket, e);
}

static inline void world_on_leaving(void *context, struct tcp_socket *socket, uint64_t time_ns)
{
	struct world *world = context;

	if (world->left_count++ < WORLD_NOTES)
		world->left[world->left_count - 1] =
			(struct world_left){socket->cookie, time_ns, socket->state};
	if (world->leaks && socket->state == TCP_CLOSE_WAIT)
		leak_watch_leave(world->leaks, socket, time_ns);
}

static inline void world_on_changed(void *context, const struct change *change,
				    struct tcp_socket *socket)
{
	struct world *world = context;

	if (world->change_count++ < WORLD_NOTES)
		world->changes[world->change_count - 1] =
			(struct world_change){*change, *change->flow, socket != NULL};
	if (change->to == TCP_TIME_WAIT) /* a mini-socket goes on in it */
		assert_true(!socket || socket->state == TCP_CLOSE);
	else if (socket)
		assert_int_equal(socket->state, change->to);
	assert_int_not_equal(change->from, change->to);
	if (world->leaks && socket && change->to == TCP_CLOSE_WAIT)
		leak_watch_enter(world->leaks, socket, change->lifetime_ns);
}

static inline void world_on_accepted(void *context, const struct accepted *accepted)
{
	struct world *world = context;

	if (world->accepted_count++ < WORLD_NOTES)
		world->accepted[world->accepted_count - 1] =
			(struct world_accepted){*accepted, *accepted->flow};
}

static inline void world_on_found(void *context, struct tcp_socket *socket)
{
	struct world *world = context;

	if (world->found_count++ < WORLD_NOTES)
		world->found[world->found_count - 1] = *socket;
	if (world->leaks && socket->state == TCP_CLOSE_WAIT)
		leak_watch_enter(world->leaks, socket, DURATION_UNKNOWN);
}

static inline void world_on_leaked(void *context, const struct leak *leak)
{
	struct world *world = context;
	struct world_leak *note;

	if (world->leak_count++ >= WORLD_NOTES)
		return;
	note = &world->leak_notes[world->leak_count - 1];
	*note = (struct world_leak){.leak = *leak, .flow = *leak->flow};
	for (size_t i = 0; i < leak->holder_count && i < ARRAY_SIZE(note->holders); i++)
		note->holders[i] = leak->holders[i];
}

static inline void world_on_leak_ended(void *context, const struct leak_end *end)
{
	struct world *world = context;

	if (world->end_count++ < WORLD_NOTES)
		world->ends[world->end_count - 1] = *end;
}

static inline struct world *world_new(const struct options *options)
{
	struct world *world = calloc(1, sizeof(*world));
	struct tracker_hooks hooks = {.left = world_on_left,
				      .leaving = world_on_leaving,
				      .changed = world_on_changed,
				      .accepted = world_on_accepted,
				      .found = world_on_found,
				      .context = world};

	assert_non_null(world);
	world->watched = filter_new(options);
	assert_non_null(world->watched);
	assert_int_equal(tracker_init(&world->tracker, world->watched, SELF_TGID, &hooks), 0);
	world->intake = (struct intake){.tracker = &world->tracker, .ledger = &world->ledger};
	intake_init(&world->intake);
	return world;
}

static inline void world_watch_leaks(struct world *world, uint64_t threshold_ns)
{
	struct leak_hooks hooks = {
		.leaked = world_on_leaked, .ended = world_on_leak_ended, .context = world};

	world->leaks = leak_watch_new(&world->tracker, threshold_ns, &hooks);
	assert_non_null(world->leaks);
}

static inline void world_free(struct world *world)
{
	leak_watch_free(world->leaks);
	tracker_free(&world->tracker);
	filter_free(world->watched);
	free(world);
}

/* Takes in a record, without holding it back for the next one (track/coalesce.h). */
static inline void world_take(struct world *world, const void *record)
{
	struct event_header *exact = make_exact(record);
	uint64_t malformed = world->ledger.lost[LOST_MALFORMED];

	intake_record(&world->intake, exact, exact->size);
	intake_flush(&world->intake);
	assert_int_equal(world->ledger.lost[LOST_MALFORMED], malformed);
	free(exact);
}

static inline void world_feed(struct world *world, const struct event_transition *e)
{
	world_take(world, e);
}

/* `known`: as of transition_event(). */
static inline void world_feed_known(struct world *world, const struct event_transition *e,
				    enum cause known)
{
	struct event_transition *exact = make_exact(e);

	transition_event(&world->tracker, exact, known);
	free(exact);
}

/* As kernels that tell all of it. */
static inline struct world *world_new_full(const struct options *options)
{
	struct world *world = world_new(options);

	world->tracker.features = (1u << FEATURES) - 1;
	return world;
}

static inline void world_feed_accept(struct world *world, const struct event_accept *e)
{
	world_take(world, e);
}

static inline void world_feed_mini(struct world *world, const struct event_mini *e)
{
	world_take(world, e);
}

static inline void world_feed_request(struct world *world, const struct event_request *e)
{
	world_take(world, e);
}

static inline void world_feed_segment(struct world *world, const struct event_segment *e)
{
	world_take(world, e);
}

/* A connection that came in on port 80 of 10.0.0.1. */
static inline struct event_flow server_flow(uint64_t cookie)
{
	return make_flow("10.0.0.1", 80, "10.0.0.2", (uint16_t)(1024 + cookie % 60000));
}

/* Feeds a transition that has nothing special about it. */
static inline void world_step(struct world *world, uint64_t cookie, const struct event_flow *flow,
			      unsigned int from, unsigned int to, uint64_t time_ns,
			      const struct event_task *actor)
{
	struct event_transition e = make_transition(cookie, flow, from, to, time_ns);

	if (actor)
		make_actor(&e, actor);
	world_feed(world, &e);
}

static inline struct tcp_socket *world_find(struct world *world, uint64_t cookie)
{
	return socket_table_find(world->tracker.sockets, cookie);
}

static inline struct mini_socket *world_find_mini(struct world *world, uint64_t cookie)
{
	return mini_table_find(world->tracker.minis, cookie);
}

static inline struct process *world_process(struct world *world, const struct event_task *task)
{
	return process_table_get(world->tracker.processes, task);
}

static inline const struct world_change *world_last(const struct world *world)
{
	assert_in_range(world->change_count, 1, WORLD_NOTES);
	return &world->changes[world->change_count - 1];
}

static inline uint64_t process_transitions(const struct process *process, unsigned int from,
					   unsigned int to)
{
	return counters_get(process->transitions, process_transition(from, to));
}

static inline uint64_t process_count(const struct process *process, unsigned int state)
{
	return process->lifetimes[state] ? process->lifetimes[state]->count : 0;
}

static inline uint64_t process_sum(const struct process *process, unsigned int state)
{
	return process->lifetimes[state] ? process->lifetimes[state]->sum_ns : 0;
}

/* A scan that ran from started_ns, in NETNS, and found no other namespace; records are added by
 * scan_add(). */
static inline struct scan_result scan_new(uint64_t started_ns)
{
	struct scan_result result = {.started_ns = started_ns,
				     .ended_ns = started_ns + 5 * NS_PER_MS,
				     .tick_ns = 4 * NS_PER_MS,
				     .others_gone = true};

	assert_int_equal(scan_result_add_seen(&result, NETNS), 0);
	return result;
}

static inline void scan_add(struct scan_result *result, const struct event_scan *record)
{
	assert_int_equal(scan_result_add(result, record, sizeof(*record)), 0);
}

static inline void scan_add_listener(struct scan_result *result, uint64_t cookie, uint16_t port,
				     const struct event_task *holder, uint32_t fd, uint32_t backlog)
{
	struct event_flow flow = make_flow("0.0.0.0", port, "0.0.0.0", 0);
	struct event_scan scan =
		make_scan(cookie, &flow, TCP_LISTEN, holder, fd, result->started_ns + NS_PER_MS);

	scan.recv_queue = backlog;
	scan_add(result, &scan);
}

/* A server_flow() socket of which an ACK was last received 4 s ago (a thousand ticks). */
static inline void scan_add_socket(struct scan_result *result, uint64_t cookie, unsigned int state,
				   const struct event_task *holder)
{
	struct event_flow flow = server_flow(cookie);
	struct event_scan scan =
		make_scan(cookie, &flow, state, holder, 7, result->started_ns + NS_PER_MS);

	scan.last_received_ticks = 1000;
	scan.write_seq = 111;
	scan.copied_seq = 222;
	scan_add(result, &scan);
}

/* A mini-socket of server_flow(), looked at 1 ms after the scan began. */
static inline void scan_add_mini(struct scan_result *result, uint64_t cookie, unsigned int state,
				 uint64_t age_us)
{
	struct event_flow flow = server_flow(cookie);
	struct event_scan scan =
		make_scan_mini(cookie, &flow, state, age_us, result->started_ns + NS_PER_MS);

	scan_add(result, &scan);
}

/* Joins the scan with what is known; nothing came meanwhile. */
static inline void world_reconcile(struct world *world, struct scan_result *result)
{
	scan_result_finish(result);
	reconcile_begin(&world->tracker, result);
	reconcile_learn(&world->tracker, result);
	reconcile_end(&world->tracker, result);
	scan_result_clear(result);
}

#endif
