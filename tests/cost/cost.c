// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * cost WORKLOAD: takes in the records of a busy host, which are the same in every run. The second
 * half of them is taken in by measured(), whose instructions tests/cost/check counts; it prints how
 * many records these are. Without an argument it prints the names of the workloads.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/options.h"
#include "engine/engine.h"
#include "model/tcp_state.h"
#include "output/output.h"
#include "replay/record.h"

#define NETNS	 4026531840u
#define START_NS (1000 * NS_PER_S)
#define STEP_NS	 (10 * NS_PER_MS)
#define TICK_NS	 (4 * NS_PER_MS)
#define TW_NS	 (60 * NS_PER_S)
#define RECORDS	 200000
#define PORTS	 28232
#define CLIENTS	 4
#define LISTENER 1
#define COOKIES	 100 /* the first of a connection */

/* The kernel tells of accept() and of the ends of TIME_WAIT. */
#define FULL                                                                                       \
	(REPLAY_FEATURES_DEFAULT | 1u << FEATURE_ACCEPT | 1u << FEATURE_TIME_WAIT |                \
	 1u << FEATURE_FIN_WAIT2 | 1u << FEATURE_OVERFLOW | 1u << FEATURE_HALF_OPEN)

struct workload {
	const char *name;
	feature_set features;
	bool client_here, server_here; /* else the two take turns, and the other end is elsewhere */
	uint32_t peers;		       /* addresses of the other end */
	uint32_t each_s;	       /* connections per second */
	uint64_t life_ns;
	uint32_t reset_each; /* one of so many is reset by its peer; 0: none */
};

static const struct workload workloads[] = {
	/* Client and server on one host, as in tests/bench/churn.c. */
	{"churn", REPLAY_FEATURES_DEFAULT, true, true, 1, 5000, 30 * NS_PER_US, 0},
	/* A proxy: 1,000 connections are open at a time, with 65,000 hosts. */
	{"proxy", REPLAY_FEATURES_DEFAULT, false, false, 65000, 10000, 100 * NS_PER_MS, 50},
	{"full", FULL, true, true, 1, 5000, 1 * NS_PER_MS, 0},
};

#define WORKLOADS (sizeof(workloads) / sizeof(*workloads))

struct made {
	union {
		struct event_transition transition;
		struct event_accept accept;
		struct event_mini mini;
		struct event_header header;
	};
	uint64_t time_ns;
	size_t number; /* in the order in which they were made */
};

struct host {
	struct source source;
	const struct workload *load;
	uint64_t now_ns;
	struct scan_request asked;
	struct made *made;
	size_t count;
	size_t next; /* the first one that was not taken in */
	struct event_task server, client[CLIENTS];
};

static struct event_task task(uint32_t tgid, const char *comm)
{
	struct event_task task = {.start_ns = tgid * NS_PER_S, .tgid = tgid};

	memcpy(task.comm, comm, strlen(comm));
	return task;
}

static struct event_header header(unsigned int kind, size_t size)
{
	return (struct event_header){
		.kind = (__u8)kind, .version = EVENT_VERSION, .size = (__u16)size, .netns = NETNS};
}

/* The flow of connection i as the client sees it, or the server. */
static struct event_flow flow_of(const struct host *host, uint32_t i, bool client)
{
	uint16_t port = (uint16_t)(32768 + i % PORTS);
	struct event_flow flow = {
		.family = AF_INET,
		.flags = EVENT_SK_SOCKET,
		.local_port = client ? port : 80,
		.remote_port = client ? 80 : port,
	};
	uint32_t here = htonl(0x0a000001);
	uint32_t peer = htonl(0x0a010000 + i * 2654435761u % host->load->peers);

	memcpy(flow.local, &here, sizeof(here));
	memcpy(flow.remote, host->load->peers > 1 ? &peer : &here, sizeof(here));
	return flow;
}

static struct made *add(struct host *host, uint64_t time_ns)
{
	struct made *made = &host->made[host->count];

	if (host->count == RECORDS)
		return made; /* the last place is for what is too much */
	made->number = host->count++;
	made->time_ns = time_ns;
	return made;
}

static struct event_transition *step(struct host *host, uint64_t cookie,
				     const struct event_flow *flow, unsigned int from,
				     unsigned int to, uint64_t time_ns,
				     const struct event_task *actor)
{
	struct event_transition *e = &add(host, time_ns)->transition;

	*e = (struct event_transition){
		.header = header(EVENT_TRANSITION, actor ? sizeof(*e) : EVENT_TRANSITION_SHORT),
		.time_ns = time_ns,
		.cookie = cookie,
		.flow = *flow,
		.from = (__u8)from,
		.to = (__u8)to,
		.segment = (__u32)time_ns,
	};
	if (actor) {
		e->flow.flags |= EVENT_ACTOR;
		e->task = *actor;
	}
	return e;
}

static void add_client(struct host *host, uint32_t i, uint64_t at_ns, bool reset)
{
	struct event_flow flow = flow_of(host, i, true), early = flow;
	const struct event_task *actor = &host->client[i % CLIENTS];
	uint64_t cookie = COOKIES + 2 * (uint64_t)i, end_ns = at_ns + host->load->life_ns;
	struct event_transition *e;

	early.local_port = 0;
	step(host, cookie, &early, TCP_CLOSE, TCP_SYN_SENT, at_ns, actor);
	step(host, cookie, &flow, TCP_SYN_SENT, TCP_ESTABLISHED, at_ns + 20000, NULL)->srtt_us = 20;
	if (reset) {
		e = step(host, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE, end_ns, NULL);
		e->error = ECONNRESET;
		return;
	}
	step(host, cookie, &flow, TCP_ESTABLISHED, TCP_FIN_WAIT1, end_ns, actor)->shutdown = 3;
	step(host, cookie, &flow, TCP_FIN_WAIT1, TCP_FIN_WAIT2, end_ns + 10000, NULL)->shutdown = 3;
	e = step(host, cookie, &flow, TCP_FIN_WAIT2, TCP_CLOSE, end_ns + 55000, NULL);
	e->shutdown = 3;
	e->flow.flags = EVENT_DEAD | EVENT_DONE;
	if (feature_has(host->load->features, FEATURE_TIME_WAIT))
		add(host, end_ns + NS_PER_S)->mini = (struct event_mini){
			.header = header(EVENT_MINI, sizeof(struct event_mini)),
			.time_ns = end_ns + NS_PER_S,
			.cookie = cookie,
			.flow = flow,
			.what = MINI_ENDED,
			.state = TCP_TIME_WAIT,
			.left_ticks = (__s32)((TW_NS - NS_PER_S) / TICK_NS),
		};
}

static void add_server(struct host *host, uint32_t i, uint64_t at_ns)
{
	struct event_flow flow = flow_of(host, i, false);
	uint64_t cookie = COOKIES + 2 * (uint64_t)i + 1, end_ns = at_ns + host->load->life_ns;

	step(host, cookie, &flow, TCP_SYN_RECV, TCP_ESTABLISHED, at_ns + 25000, NULL)->srtt_us = 25;
	if (feature_has(host->load->features, FEATURE_ACCEPT))
		add(host, at_ns + 40000)->accept = (struct event_accept){
			.header = header(EVENT_ACCEPT, sizeof(struct event_accept)),
			.time_ns = at_ns + 40000,
			.cookie = cookie,
			.flow = flow,
			.state = TCP_ESTABLISHED,
			.task = host->server,
		};
	step(host, cookie, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, end_ns + 5000, NULL)->shutdown =
		1;
	step(host, cookie, &flow, TCP_CLOSE_WAIT, TCP_LAST_ACK, end_ns + 50000, &host->server)
		->shutdown = 3;
	step(host, cookie, &flow, TCP_LAST_ACK, TCP_CLOSE, end_ns + 60000, NULL)->shutdown = 3;
}

static int compare(const void *a, const void *b)
{
	const struct made *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns > y->time_ns ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

static void make(struct host *host)
{
	const struct workload *load = host->load;
	bool both = load->client_here && load->server_here;

	host->made = calloc(RECORDS + 1, sizeof(*host->made));
	if (!host->made)
		abort();
	host->server = task(500, "server");
	for (uint32_t i = 0; i < CLIENTS; i++)
		host->client[i] = task(600 + i, "client");
	for (uint32_t i = 0; host->count < RECORDS; i++) {
		uint64_t at_ns = START_NS + i * (NS_PER_S / load->each_s);

		if (both || i % 2 == 0)
			add_client(host, i, at_ns, load->reset_each && i % load->reset_each == 0);
		if (both || i % 2)
			add_server(host, i, at_ns);
	}
	qsort(host->made, host->count, sizeof(*host->made), compare);
}

static int host_drain(struct source *source, struct source_bound *bound, source_sink sink,
		      void *context)
{
	struct host *host = (struct host *)source;

	(void)bound;
	for (; host->next < host->count; host->next++) {
		const struct made *made = &host->made[host->next];

		if (made->time_ns > host->now_ns)
			break;
		sink(context, made, made->header.size);
	}
	return 0;
}

static void host_scan_begin(struct source *source, const struct scan_request *request,
			    struct scan_result *result)
{
	struct host *host = (struct host *)source;

	(void)result;
	host->asked = *request;
}

static int add_listener(const struct host *host, struct scan_result *result)
{
	struct event_scan record = {
		.header = header(EVENT_SCAN_FD, sizeof(record)),
		.time_ns = host->now_ns,
		.cookie = LISTENER,
		.flow = {.family = AF_INET, .local_port = 80, .flags = EVENT_SK_SOCKET},
		.task = host->server,
		.fd = 3,
		.state = TCP_LISTEN,
	};

	return scan_result_add(result, &record, sizeof(record));
}

/* Adds what is in TIME_WAIT. */
static int add_minis(const struct host *host, struct scan_result *result)
{
	int err = 0;

	for (size_t i = 0; !err && i < host->next; i++) {
		const struct event_transition *e = &host->made[i].transition;
		struct event_scan record = {
			.header = header(EVENT_SCAN_MINI, sizeof(record)),
			.time_ns = host->now_ns,
			.cookie = e->cookie,
			.flow = e->flow,
			.state = TCP_TIME_WAIT,
			.mini.left_ticks = (__s32)((e->time_ns + TW_NS - host->now_ns) / TICK_NS),
		};

		if (e->header.kind == EVENT_TRANSITION && e->from == TCP_FIN_WAIT2)
			err = scan_result_add(result, &record, sizeof(record));
	}
	return err;
}

static int host_scan_step(struct source *source, uint64_t until_ns, struct scan_result *result)
{
	const struct host *host = (const struct host *)source;
	int err = 0;

	(void)until_ns;
	result->tick_ns = TICK_NS;
	result->started_ns = host->now_ns;
	result->ended_ns = host->now_ns;
	if (host->asked.descriptors || host->asked.states >> TCP_LISTEN & 1)
		err = add_listener(host, result);
	if (!err && host->asked.mini_states >> TCP_TIME_WAIT & 1)
		err = add_minis(host, result);
	return err;
}

static int host_settings(struct source *source, uint32_t netns, struct net_settings *settings)
{
	(void)source;
	(void)netns;
	*settings = NET_SETTINGS_DEFAULT;
	return 0;
}

static int host_limit(struct source *source, uint32_t pid, uint64_t *limit)
{
	(void)source;
	(void)pid;
	*limit = 1024;
	return 0;
}

static void host_stop(struct source *source)
{
	(void)source;
}

static void host_ledger(struct source *source, struct ledger *ledger)
{
	ledger->seen = ((const struct host *)source)->next;
}

static uint64_t host_now(struct source *source)
{
	return ((const struct host *)source)->now_ns;
}

static void host_clock(struct source *source, struct clock *clock)
{
	(void)source;
	*clock = REPLAY_CLOCK_DEFAULT.clock;
}

static bool host_alive(struct source *source, uint32_t tgid)
{
	(void)source;
	(void)tgid;
	return true;
}

static const struct source_ops ops = {
	.drain = host_drain,
	.scan_begin = host_scan_begin,
	.scan_step = host_scan_step,
	.cpu_time = host_now,
	.settings = host_settings,
	.descriptor_limit = host_limit,
	.stop = host_stop,
	.ledger = host_ledger,
	.now = host_now,
	.clock = host_clock,
	.process_alive = host_alive,
};

static void run_to(struct host *host, struct engine *engine, size_t end)
{
	while (host->next < end) {
		host->now_ns += STEP_NS;
		if (engine_poll(engine))
			abort();
	}
}

__attribute__((noinline, noclone)) static void measured(struct host *host, struct engine *engine)
{
	run_to(host, engine, host->count);
}

static void run(const struct workload *load)
{
	char *arguments[] = {"tcpwatch", "-j", NULL};
	struct host host = {.source = {.ops = &ops, .features = load->features},
			    .load = load,
			    .now_ns = START_NS - 1};
	struct engine_config config = {.source = &host.source, .kernel = "cost", .netns = NETNS};
	FILE *nowhere = fopen("/dev/null", "we");
	struct suppressions *suppressions;
	struct options options;
	struct engine *engine;
	size_t before;

	make(&host);
	options_parse(&options, &suppressions, 2, arguments);
	config.options = &options;
	config.output = nowhere ? output_json_new(nowhere) : NULL;
	engine = config.output ? engine_new(&config) : NULL;
	if (!engine || engine_start(engine))
		abort();
	run_to(&host, engine, host.count / 2);
	before = host.next;
	measured(&host, engine);
	printf("%zu\n", host.next - before);
	engine_free(engine);
	config.output->ops->free(config.output);
	fclose(nowhere);
	options_free(&options);
	free(host.made);
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < WORKLOADS; i++) {
		if (argc < 2)
			puts(workloads[i].name);
		else if (!strcmp(workloads[i].name, argv[1]))
			run(&workloads[i]);
	}
	return 0;
}
