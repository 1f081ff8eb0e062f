/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FUZZ_SOURCE_H
#define TCPWATCH_FUZZ_SOURCE_H

/* A source that makes records from the fuzzer's bytes, and keeps what it has passed on. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "event.h"
#include "model/event_check.h"
#include "model/source.h"
#include "model/tcp_state.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define FUZZ_START_NS	     1000000000000ULL
#define FUZZ_RECORDS_MAX     8192
#define FUZZ_SCANNED_MAX     256
#define FUZZ_RECORD_SIZE_MAX 640

struct fuzz_record {
	unsigned char *bytes; /* a block of exactly `size`, so that reads behind it are found */
	size_t size;
	const struct event_header *valid; /* NULL if the record is not valid */
};

/* A half-open connection that a scan found. */
struct fuzz_start {
	uint64_t cookie;
	uint64_t start_ns;
};

#define FUZZ_STARTS_MAX 1024

struct fuzz_source {
	struct source base;
	const uint8_t *data; /* the rest of the input */
	size_t size;
	uint64_t now_ns;
	uint64_t lost;
	int scan_error;
	struct fuzz_record records[FUZZ_RECORDS_MAX];
	size_t count;
	size_t handed;
	int crowds; /* how many more crowds may come: they are slow */
	struct event_scan scanned[FUZZ_SCANNED_MAX];
	size_t scanned_count;
	struct scan_request asked;
	bool asked_second; /* the running scan has given its first half */
	struct fuzz_start starts[FUZZ_STARTS_MAX];
	size_t start_count; /* counts on where there is no more room */
};

static inline uint8_t fuzz_take_u8(struct fuzz_source *source)
{
	if (!source->size)
		return 0;
	source->size--;
	return *source->data++;
}

static inline void fuzz_take(struct fuzz_source *source, void *to, size_t size)
{
	for (unsigned char *byte = to; size--; byte++)
		*byte = fuzz_take_u8(source);
}

/* Few different sockets, processes and addresses, so that records meet. */
static inline void fuzz_take_flow(struct fuzz_source *source, struct event_flow *flow)
{
	uint8_t choice = fuzz_take_u8(source);

	flow->local[0] = flow->remote[0] = 10;
	flow->local[3] = choice & 1;
	flow->family = choice & 2 ? AF_INET6 : AF_INET;
	if (choice & 4)
		memset(flow->local, 0, sizeof(flow->local));
	if (choice & 8)
		flow->remote[10] = flow->remote[11] = 0xff;
	flow->local_port = choice >> 4 & 3;
	flow->remote_port = choice >> 6 & 3;
	flow->flags = fuzz_take_u8(source);
}

static inline void fuzz_take_task(struct fuzz_source *source, struct event_task *task)
{
	uint8_t choice = fuzz_take_u8(source);

	task->tgid = choice & 7;
	task->start_ns = choice >> 3 & 1;
	task->comm[0] = choice & 16 ? 'a' : 0xff;
	if (choice & 32)
		memset(task->comm, choice, sizeof(task->comm));
}

/* A time that is not later than now, as the kernel's are. */
static inline uint64_t fuzz_take_time(struct fuzz_source *source)
{
	uint64_t late = (uint64_t)fuzz_take_u8(source) << fuzz_take_u8(source) % 32;

	return source->now_ns - (late < source->now_ns ? late : source->now_ns);
}

static inline void fuzz_make_transition(struct fuzz_source *source, struct event_transition *e)
{
	uint8_t states = fuzz_take_u8(source);

	e->header.kind = EVENT_TRANSITION;
	e->time_ns = fuzz_take_time(source);
	e->cookie = fuzz_take_u8(source) % 16;
	fuzz_take_flow(source, &e->flow);
	e->from = states & 15;
	e->to = states >> 4;
	/* The kernel never makes most pairs of states, so a possible one is chosen more often. */
	if (tcp_state_valid(e->from) && tcp_state_valid(e->to) &&
	    !tcp_transition_is_recorded(e->from, e->to)) {
		e->from = tcp_transitions[states % tcp_transition_count].from;
		e->to = tcp_transitions[states % tcp_transition_count].to;
	}
	e->shutdown = fuzz_take_u8(source) & 3;
	e->error = fuzz_take_u8(source) % 128;
	e->recv_queue = e->shutdown;
	e->srtt_us = e->error * 100;
	e->rto_time_ms = e->shutdown == 2 ? e->error : 0;
	e->retransmits = e->shutdown == 3;
	e->segment = e->error;
	fuzz_take_task(source, &e->task);
	e->header.size =
		(uint16_t)(e->flow.flags & EVENT_WITH_TASK ? sizeof(*e) : EVENT_TRANSITION_SHORT);
}

static inline void fuzz_make_fork(struct fuzz_source *source, struct event_fork *e)
{
	e->header.kind = EVENT_FORK;
	e->header.size = sizeof(*e);
	e->time_ns = fuzz_take_time(source);
	fuzz_take_task(source, &e->parent);
	fuzz_take_task(source, &e->child);
}

static inline void fuzz_make_exit(struct fuzz_source *source, struct event_exit *e)
{
	e->header.kind = EVENT_EXIT;
	e->header.size = sizeof(*e);
	e->time_ns = fuzz_take_time(source);
	fuzz_take_task(source, &e->task);
}

static inline void fuzz_make_accept(struct fuzz_source *source, struct event_accept *e)
{
	e->header.kind = EVENT_ACCEPT;
	e->header.size = sizeof(*e);
	e->time_ns = fuzz_take_time(source);
	e->cookie = fuzz_take_u8(source) % 16;
	fuzz_take_flow(source, &e->flow);
	e->state = fuzz_take_u8(source) & 15;
	fuzz_take_task(source, &e->task);
}

static inline void fuzz_make_mini(struct fuzz_source *source, struct event_mini *e)
{
	uint8_t choice = fuzz_take_u8(source);

	e->header.kind = EVENT_MINI;
	e->header.size = sizeof(*e);
	e->time_ns = fuzz_take_time(source);
	e->cookie = choice % 16;
	fuzz_take_flow(source, &e->flow);
	e->what = choice >> 4 & 3;
	e->state = choice & 64 ? TCP_FIN_WAIT2 : TCP_TIME_WAIT;
	e->left_ticks = choice & 128 ? 9 : -1;
}

static inline void fuzz_make_request(struct fuzz_source *source, struct event_request *e)
{
	uint8_t choice = fuzz_take_u8(source);

	e->header.kind = EVENT_REQUEST;
	e->header.size = sizeof(*e);
	e->time_ns = fuzz_take_time(source);
	e->cookie = choice % 16;
	fuzz_take_flow(source, &e->flow);
	e->age_us = (uint64_t)fuzz_take_u8(source) << fuzz_take_u8(source) % 57;
	e->what = choice >> 4 & 3;
	e->left_ticks = choice & 128 ? 9 : -1;
}

static inline void fuzz_make_segment(struct fuzz_source *source, struct event_segment *e)
{
	uint8_t choice = fuzz_take_u8(source);

	e->header.kind = EVENT_SEGMENT;
	e->header.size = sizeof(*e);
	e->time_ns = fuzz_take_time(source);
	e->cookie = choice % 16;
	fuzz_take_flow(source, &e->flow);
	e->what = choice >> 4 & 7;
	e->state = fuzz_take_u8(source) & 15;
	e->last_received_ticks = (uint32_t)fuzz_take_u8(source) << fuzz_take_u8(source) % 25;
}

static inline void fuzz_make_stack(struct fuzz_source *source, struct event_stack *e)
{
	uint8_t choice = fuzz_take_u8(source);

	e->header.kind = EVENT_STACK;
	e->header.size = sizeof(*e);
	e->time_ns = fuzz_take_time(source);
	e->cookie = choice % 16;
	fuzz_take_task(source, &e->task);
	e->exec_id = choice >> 4 & 1;
	e->how = choice >> 5 & 3;
	e->count = fuzz_take_u8(source) % (EVENT_STACK_FRAMES + 2);
	for (size_t i = 0; i < EVENT_STACK_FRAMES && i < e->count; i++)
		e->frames[i] = choice;
}

static inline void fuzz_make_scan(struct fuzz_source *source, struct event_scan *e)
{
	uint8_t choice = fuzz_take_u8(source);

	e->header.kind = choice & 1 ? EVENT_SCAN_FD : EVENT_SCAN_SOCKET;
	e->header.version = EVENT_VERSION;
	e->header.size = sizeof(*e);
	e->time_ns = source->now_ns;
	e->cookie = choice >> 1 & 15;
	fuzz_take_flow(source, &e->flow);
	fuzz_take_task(source, &e->task);
	e->fd = choice >> 5;
	choice = fuzz_take_u8(source);
	e->state = choice & 15;
	if (choice & 16) {
		memset(&e->task, 0, sizeof(e->task));
		e->fd = 0;
		e->header.kind = EVENT_SCAN_MINI;
		e->mini.age_us = (uint64_t)fuzz_take_u8(source) << fuzz_take_u8(source) % 57;
		return;
	}
	e->recv_queue = fuzz_take_u8(source) & 1;
	e->send_queue = fuzz_take_u8(source) & 1;
	e->write_seq = fuzz_take_u8(source) & 1;
	e->copied_seq = fuzz_take_u8(source) & 1;
	e->last_sent_ticks = (uint32_t)fuzz_take_u8(source) << fuzz_take_u8(source) % 25;
	e->last_received_ticks = (uint32_t)fuzz_take_u8(source) << fuzz_take_u8(source) % 25;
}

static inline void fuzz_source_queue(struct fuzz_source *source, const void *bytes, size_t size)
{
	struct fuzz_record *record = &source->records[source->count];

	if (source->count == FUZZ_RECORDS_MAX)
		return;
	record->size = size;
	record->bytes = malloc(size ? size : 1);
	CHECK(record->bytes);
	memcpy(record->bytes, bytes, size);
	if (!event_check(bytes, size))
		record->valid = (const void *)record->bytes;
	source->count++;
}

/* Takes one record from the input and queues it: a likely one, or any bytes with or without a valid
 * header. */
static inline void fuzz_source_record(struct fuzz_source *source)
{
	_Alignas(8) unsigned char bytes[FUZZ_RECORD_SIZE_MAX] = {0};
	struct event_header *header = (struct event_header *)bytes;
	uint8_t choice = fuzz_take_u8(source);

	if (choice < 191) {
		fuzz_make_transition(source, (struct event_transition *)bytes);
	} else if (choice < 195) {
		fuzz_make_exit(source, (struct event_exit *)bytes);
	} else if (choice < 200) {
		fuzz_make_fork(source, (struct event_fork *)bytes);
	} else if (choice < 208) {
		fuzz_make_accept(source, (struct event_accept *)bytes);
	} else if (choice < 217) {
		fuzz_make_mini(source, (struct event_mini *)bytes);
	} else if (choice < 224) {
		fuzz_make_request(source, (struct event_request *)bytes);
	} else if (choice < 236) {
		fuzz_make_segment(source, (struct event_segment *)bytes);
	} else if (choice < 240) {
		fuzz_make_stack(source, (struct event_stack *)bytes);
	} else {
		fuzz_take(source, bytes, fuzz_take_u8(source));
		/* A kernel does not send times in the future. */
		if (((struct event_transition *)bytes)->time_ns > source->now_ns)
			((struct event_transition *)bytes)->time_ns = source->now_ns;
	}
	if (choice != 255)
		header->version = EVENT_VERSION;
	fuzz_source_queue(source, bytes, header->size < sizeof(bytes) ? header->size : choice);
}

#define FUZZ_CROWD	   300
#define FUZZ_CROWDS_MAX	   5
#define FUZZ_CROWD_PIDS	   5000000 /* no real process has such a pid */
#define FUZZ_CROWD_COOKIES 1000

/* Many short-lived processes, each with a connection that fails, so that dead ones are folded. */
static inline void fuzz_source_crowd(struct fuzz_source *source)
{
	uint8_t choice = fuzz_take_u8(source);

	if (!source->crowds)
		return;
	source->crowds--;
	for (int i = 0; i < FUZZ_CROWD; i++) {
		uint32_t number = (uint32_t)source->count;
		struct event_transition e = {
			.header = {EVENT_TRANSITION, EVENT_VERSION, sizeof(e), 1},
			.time_ns = source->now_ns,
			.cookie = FUZZ_CROWD_COOKIES + number,
			.flow = {.family = AF_INET, .flags = EVENT_ACTOR, .local_port = 1},
			.task = {.tgid = FUZZ_CROWD_PIDS + number, .start_ns = number},
			.from = TCP_CLOSE,
			.to = TCP_SYN_SENT,
		};

		e.task.comm[0] = (uint8_t)(choice & 1 ? 'a' : 'a' + i % 26);
		e.task.comm[1] = choice & 2 ? (uint8_t)(i / 26 + 1) : 0;
		fuzz_source_queue(source, &e, sizeof(e));
		e.from = TCP_SYN_SENT;
		e.to = choice & 4 ? TCP_ESTABLISHED : TCP_CLOSE;
		fuzz_source_queue(source, &e, sizeof(e));
	}
}

/* Reads from the input what scans will find from now on. */
static inline void fuzz_source_scan(struct fuzz_source *source)
{
	size_t count = fuzz_take_u8(source) % 16;

	for (source->scanned_count = 0; source->scanned_count < count; source->scanned_count++) {
		struct event_scan *e = &source->scanned[source->scanned_count];

		memset(e, 0, sizeof(*e));
		fuzz_make_scan(source, e);
	}
}

/* Returns record number i, if it is valid and of this kind. */
static inline const void *fuzz_source_record_at(const struct fuzz_source *source, size_t i,
						enum event_kind kind)
{
	const struct event_header *record = source->records[i].valid;

	return record && record->kind == kind ? record : NULL;
}

/* Whether a record that was passed on says that the socket entered the state at that time. */
static inline bool fuzz_source_entered(const struct fuzz_source *source, uint64_t cookie,
				       unsigned int state, uint64_t time_ns)
{
	for (size_t i = source->handed; i-- > 0;) {
		const struct event_transition *e =
			fuzz_source_record_at(source, i, EVENT_TRANSITION);
		const struct event_mini *mini = fuzz_source_record_at(source, i, EVENT_MINI);

		/* A socket enters TIME_WAIT with its transition to CLOSE. */
		if (e && e->cookie == cookie && e->time_ns == time_ns &&
		    (e->to == state || (state == TCP_TIME_WAIT && e->to == TCP_CLOSE)))
			return true;
		if (mini && state == TCP_TIME_WAIT && mini->what == MINI_TIMED &&
		    mini->cookie == cookie && mini->time_ns == time_ns)
			return true;
	}
	return false;
}

/* Whether a record or a scan says that the connection was half open for this long. */
static inline bool fuzz_source_was_half_open(const struct fuzz_source *source, uint64_t cookie,
					     uint64_t lifetime_ns, uint64_t time_ns)
{
	for (size_t i = source->handed; i-- > 0;) {
		const struct event_transition *e =
			fuzz_source_record_at(source, i, EVENT_TRANSITION);
		const struct event_request *request =
			fuzz_source_record_at(source, i, EVENT_REQUEST);

		if (e && e->cookie == cookie && e->time_ns == time_ns &&
		    (e->srtt_us * 1000ULL == lifetime_ns ||
		     e->rto_time_ms * 1000000ULL == lifetime_ns))
			return true;
		if (request && request->age_us * 1000 == lifetime_ns)
			return true;
	}
	for (size_t i = 0; i < source->start_count && i < FUZZ_STARTS_MAX; i++)
		if (source->starts[i].cookie == cookie &&
		    source->starts[i].start_ns == time_ns - lifetime_ns)
			return true;
	return source->start_count > FUZZ_STARTS_MAX;
}

/* The time from the first to the last record that was passed on. */
static inline uint64_t fuzz_source_span(const struct fuzz_source *source)
{
	uint64_t first_ns = UINT64_MAX, last_ns = 0;

	for (size_t i = 0; i < source->handed; i++) {
		/* All kinds have their time at the same offset. */
		const struct event_fork *e = (const void *)source->records[i].valid;

		if (e && e->time_ns < first_ns)
			first_ns = e->time_ns;
		if (e && e->time_ns > last_ns)
			last_ns = e->time_ns;
	}
	return last_ns > first_ns ? last_ns - first_ns : 0;
}

static inline struct fuzz_source *fuzz_source_of(struct source *source)
{
	return (struct fuzz_source *)source;
}

static inline int fuzz_source_drain(struct source *base, struct source_bound *bound,
				    source_sink sink, void *context)
{
	struct fuzz_source *source = fuzz_source_of(base);

	(void)bound;
	while (source->handed < source->count) {
		const struct fuzz_record *record = &source->records[source->handed++];

		sink(context, record->bytes, record->size);
	}
	return 0;
}

static inline bool fuzz_source_wants(const struct event_scan *e, const struct scan_request *request)
{
	if (e->header.kind == EVENT_SCAN_MINI)
		return scan_request_has_netns(request, e->header.netns) &&
		       request->mini_states >> e->state & 1;
	if (e->header.kind == EVENT_SCAN_FD)
		return request->descriptors && request->states >> e->state & 1;
	return scan_request_has_netns(request, e->header.netns) &&
	       scan_request_states(request, false) >> e->state & 1;
}

static inline void fuzz_source_begin_scan(struct source *base, const struct scan_request *request,
					  struct scan_result *result)
{
	struct fuzz_source *source = fuzz_source_of(base);

	source->asked = *request;
	source->asked_second = false;
	result->tick_ns = 4000000;
	result->started_ns = result->ended_ns = source->now_ns;
}

/* Half of the sockets in each of two steps. */
static inline int fuzz_source_step_scan(struct source *base, uint64_t until_ns,
					struct scan_result *result)
{
	struct fuzz_source *source = fuzz_source_of(base);
	const struct scan_request *request = &source->asked;
	size_t half = source->scanned_count / 2;
	size_t from = source->asked_second ? half : 0;
	size_t to = source->asked_second ? source->scanned_count : half;

	(void)until_ns;
	if (source->scan_error) {
		scan_result_clear(result);
		return source->scan_error;
	}
	if (!source->asked_second) {
		scan_result_add_seen(result, 0); /* the namespace of all records made here */
		scan_result_add_seen(result, 1);
	}
	source->asked_second = true;
	result->ended_ns = source->now_ns;
	for (size_t i = from; i < to; i++) {
		struct event_scan e = source->scanned[i];

		e.time_ns = source->now_ns;
		if (!fuzz_source_wants(&e, request) || scan_result_add(result, &e, sizeof(e)) ||
		    e.header.kind != EVENT_SCAN_MINI)
			continue;
		if (source->start_count++ < FUZZ_STARTS_MAX)
			source->starts[source->start_count - 1] =
				(struct fuzz_start){e.cookie, e.time_ns - e.mini.age_us * 1000};
	}
	return to < source->scanned_count;
}

static inline void fuzz_source_ledger(struct source *base, struct ledger *ledger)
{
	struct fuzz_source *source = fuzz_source_of(base);

	ledger->lost[LOST_RING_FULL] = source->lost;
	ledger->seen = source->handed + source->lost;
}

static inline uint64_t fuzz_source_now(struct source *base)
{
	return fuzz_source_of(base)->now_ns;
}

static inline void fuzz_source_clock(struct source *base, struct clock *clock)
{
	(void)base;
	*clock = (struct clock){0};
}

/* A low limit, so that processes are folded, too. */
static inline bool fuzz_source_process_alive(struct source *base, uint32_t tgid)
{
	(void)base;
	return tgid % 2;
}

static inline int fuzz_source_settings(struct source *base, uint32_t netns,
				       struct net_settings *settings)
{
	(void)base;
	*settings = NET_SETTINGS_DEFAULT;
	return netns & 1 ? -ENOENT : 0;
}

static inline int fuzz_source_descriptor_limit(struct source *base, uint32_t pid, uint64_t *limit)
{
	(void)base;
	*limit = pid & 2 ? 4 : UINT64_MAX;
	return pid & 1 ? -ENOENT : 0;
}

static inline void fuzz_source_stop(struct source *base)
{
	(void)base;
}

static inline void fuzz_source_init(struct fuzz_source *source, const uint8_t *data, size_t size)
{
	static const struct source_ops ops = {
		.drain = fuzz_source_drain,
		.scan_begin = fuzz_source_begin_scan,
		.scan_step = fuzz_source_step_scan,
		.cpu_time = fuzz_source_now,
		.settings = fuzz_source_settings,
		.descriptor_limit = fuzz_source_descriptor_limit,
		.stop = fuzz_source_stop,
		.ledger = fuzz_source_ledger,
		.now = fuzz_source_now,
		.clock = fuzz_source_clock,
		.process_alive = fuzz_source_process_alive,
	};

	memset(source, 0, sizeof(*source));
	source->base.ops = &ops;
	source->data = data;
	source->size = size;
	source->now_ns = FUZZ_START_NS;
}

static inline void fuzz_source_clear(struct fuzz_source *source)
{
	for (size_t i = 0; i < source->count; i++)
		free(source->records[i].bytes);
}

#endif
