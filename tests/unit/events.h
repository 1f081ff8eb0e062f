/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_EVENTS_H
#define TCPWATCH_EVENTS_H

/* Records as the kernel side writes them, for tests; and numbers that are the same in every run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "model/tcp_state.h"
#include "base/units.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define NETNS	    4026531840u
#define OTHER_NETNS 4026532999u

/* CLOCK_MONOTONIC of tests: a machine that has been up for a while. */
#define START_NS (1000 * NS_PER_S)

/* xorshift64* */
static uint64_t random_seed = 88172645463325252ULL;

static inline uint64_t random64(void)
{
	random_seed ^= random_seed >> 12;
	random_seed ^= random_seed << 25;
	random_seed ^= random_seed >> 27;
	return random_seed * 0x2545f4914f6cdd1dULL;
}

/* 0 to below - 1 */
static inline uint64_t random_below(uint64_t below)
{
	return (random64() >> 11) % below;
}

static inline struct event_task make_task(uint32_t tgid, uint64_t start_ns, const char *comm)
{
	struct event_task task = {.start_ns = start_ns, .tgid = tgid};

	assert_true(strlen(comm) <= EVENT_COMM_LEN);
	memcpy(task.comm, comm, strlen(comm));
	return task;
}

static inline void make_address(__u8 address[EVENT_ADDRESS_LEN], int family, const char *text)
{
	memset(address, 0, EVENT_ADDRESS_LEN);
	assert_int_equal(inet_pton(family, text, address), 1);
}

/* The family is the local address's. */
static inline struct event_flow make_flow(const char *local, uint16_t local_port,
					  const char *remote, uint16_t remote_port)
{
	struct event_flow flow = {
		.family = strchr(local, ':') ? AF_INET6 : AF_INET,
		.flags = EVENT_SK_SOCKET,
		.local_port = local_port,
		.remote_port = remote_port,
	};

	make_address(flow.local, flow.family, local);
	make_address(flow.remote, flow.family, remote);
	return flow;
}

/* One without an actor, and so a short one. */
static inline struct event_transition make_transition(uint64_t cookie,
						      const struct event_flow *flow,
						      unsigned int from, unsigned int to,
						      uint64_t time_ns)
{
	return (struct event_transition){
		.header = {.kind = EVENT_TRANSITION,
			   .version = EVENT_VERSION,
			   .size = EVENT_TRANSITION_SHORT,
			   .netns = NETNS},
		.time_ns = time_ns,
		.cookie = cookie,
		.flow = *flow,
		.from = (__u8)from,
		.to = (__u8)to,
	};
}

/* The record was made by a process that holds the socket's lock. */
static inline void make_actor(struct event_transition *e, const struct event_task *task)
{
	e->header.size = sizeof(*e);
	e->flow.flags |= EVENT_ACTOR;
	e->task = *task;
}

static inline struct event_exit make_exit(const struct event_task *task, uint64_t time_ns)
{
	return (struct event_exit){
		.header = {.kind = EVENT_EXIT,
			   .version = EVENT_VERSION,
			   .size = sizeof(struct event_exit)},
		.time_ns = time_ns,
		.task = *task,
	};
}

static inline struct event_fork make_fork(const struct event_task *parent,
					  const struct event_task *child)
{
	return (struct event_fork){
		.header = {.kind = EVENT_FORK,
			   .version = EVENT_VERSION,
			   .size = sizeof(struct event_fork)},
		.time_ns = START_NS,
		.parent = *parent,
		.child = *child,
	};
}

/* A copy on the heap of just the record's size: the sanitizers see who looks behind it. */
static inline void *make_exact(const void *record)
{
	const struct event_header *header = record;
	void *copy = malloc(header->size);

	assert_non_null(copy);
	memcpy(copy, record, header->size);
	return copy;
}

/* A socket found in the kernel's tables; with `holder`, one by a descriptor. */
static inline struct event_scan make_scan(uint64_t cookie, const struct event_flow *flow,
					  unsigned int state, const struct event_task *holder,
					  uint32_t fd, uint64_t time_ns)
{
	struct event_scan scan = {
		.header = {.kind = holder ? EVENT_SCAN_FD : EVENT_SCAN_SOCKET,
			   .version = EVENT_VERSION,
			   .size = sizeof(struct event_scan),
			   .netns = NETNS},
		.time_ns = time_ns,
		.cookie = cookie,
		.flow = *flow,
		.fd = fd,
		.state = (__u8)state,
	};

	if (holder)
		scan.task = *holder;
	return scan;
}

/* Somebody accepts; nobody is the acceptor where there is no task. */
static inline struct event_accept make_accept(uint64_t cookie, const struct event_flow *flow,
					      unsigned int state, uint64_t time_ns,
					      const struct event_task *task)
{
	struct event_accept e = {
		.header = {.kind = EVENT_ACCEPT,
			   .version = EVENT_VERSION,
			   .size = sizeof(struct event_accept),
			   .netns = NETNS},
		.time_ns = time_ns,
		.cookie = cookie,
		.flow = *flow,
		.state = (__u8)state,
	};

	if (task)
		e.task = *task;
	return e;
}

static inline struct event_mini make_mini(uint64_t cookie, const struct event_flow *flow,
					  enum event_mini_what what, unsigned int state,
					  __s32 left_ticks, uint64_t time_ns)
{
	return (struct event_mini){
		.header = {.kind = EVENT_MINI,
			   .version = EVENT_VERSION,
			   .size = sizeof(struct event_mini),
			   .netns = NETNS},
		.time_ns = time_ns,
		.cookie = cookie,
		.flow = *flow,
		.what = (__u8)what,
		.state = (__u8)state,
		.left_ticks = left_ticks,
	};
}

static inline struct event_request make_request(uint64_t cookie, const struct event_flow *flow,
						enum event_request_what what, uint64_t age_us,
						__s32 left_ticks, uint64_t time_ns)
{
	return (struct event_request){
		.header = {.kind = EVENT_REQUEST,
			   .version = EVENT_VERSION,
			   .size = sizeof(struct event_request),
			   .netns = NETNS},
		.time_ns = time_ns,
		.cookie = cookie,
		.flow = *flow,
		.age_us = age_us,
		.what = (__u8)what,
		.left_ticks = left_ticks,
	};
}

static inline struct event_segment make_segment(uint64_t cookie, const struct event_flow *flow,
						enum event_segment_what what, unsigned int state,
						uint64_t time_ns)
{
	return (struct event_segment){
		.header = {.kind = EVENT_SEGMENT,
			   .version = EVENT_VERSION,
			   .size = sizeof(struct event_segment),
			   .netns = NETNS},
		.time_ns = time_ns,
		.cookie = cookie,
		.flow = *flow,
		.what = (__u8)what,
		.state = (__u8)state,
	};
}

/* Two frames of a program, above the C library. */
static inline struct event_stack make_stack(uint64_t cookie, const struct event_task *task,
					    enum event_stack_how how, uint64_t time_ns)
{
	return (struct event_stack){
		.header = {.kind = EVENT_STACK,
			   .version = EVENT_VERSION,
			   .size = sizeof(struct event_stack),
			   .netns = NETNS},
		.time_ns = time_ns,
		.cookie = cookie,
		.task = *task,
		.exec_id = 3,
		.how = (__u16)how,
		.count = 3,
		.frames = {0x7f0000001234, 0x401234, 0x405678},
	};
}

/* A mini-socket found in the kernel's tables; age_us is a request's. */
static inline struct event_scan make_scan_mini(uint64_t cookie, const struct event_flow *flow,
					       unsigned int state, uint64_t age_us,
					       uint64_t time_ns)
{
	struct event_scan scan = make_scan(cookie, flow, state, NULL, 0, time_ns);

	scan.header.kind = EVENT_SCAN_MINI;
	scan.mini.age_us = age_us;
	return scan;
}

#endif
