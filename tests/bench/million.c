// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * million [-c] [-e] [-i] SOCKETS: what so many open sockets, and then as many leaks, cost. The
 * records and the scans are made up, the engine is the real one. -c: they are connections of
 * clients; -e: at the end the process exits and leaves all of them; -i: idle connections.
 *
 * Prints bytes for each socket and leak, the most memory, and for each part of the run the longest
 * turn of the loop (CPU time) and what all turns took.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "engine/engine.h"
#include "engine/pages.h"
#include "model/options.h"
#include "model/tcp_state.h"

#define NETNS	 4026531840u
#define LISTENER 1u
#define FIRST	 2u /* cookie of the first connection */
#define WAIT_NS	 (10 * NS_PER_S)

/* What is true of connections; each of them is told by one record, in this order. */
enum { TOLD_CONNECTING, TOLD_OPEN, TOLD_CLOSE_WAIT, TOLD_LAST_ACK, TOLD_CLOSED, TOLD_KINDS };

struct million {
	struct source source;
	struct engine *engine;
	struct output *output;
	struct metric_text page;
	uint64_t count;
	uint64_t told[TOLD_KINDS]; /* how many connections were told to be so, of `count` */
	uint64_t due[TOLD_KINDS];  /* how many of them shall be */
	uint64_t drained;
	uint64_t skipped_ns; /* time that was not waited for */
	uint64_t scan_next;  /* the next socket that a scan shows */
	struct scan_request request;
	bool in_tables;
	bool clients, exits, idle;
	uint64_t most_ns, sum_ns, turns; /* of engine_poll(), CPU time */
};

static struct million *of(struct source *source)
{
	return (struct million *)source;
}

static uint64_t now(struct source *source)
{
	return clock_now() + of(source)->skipped_ns;
}

static uint64_t cpu_time(struct source *source)
{
	(void)source;
	return clock_cpu_time();
}

static struct event_task holder(void)
{
	return (struct event_task){.start_ns = NS_PER_S, .tgid = 1000, .comm = "million"};
}

static void fill_flow(const struct million *million, struct event_flow *flow, uint64_t i)
{
	uint32_t peer = htonl((uint32_t)(0x0a010000 + i / 60000));
	uint32_t own = htonl(0x0a000001);

	flow->family = AF_INET;
	flow->flags = EVENT_SK_SOCKET;
	memcpy(flow->local, &own, sizeof(own));
	memcpy(flow->remote, &peer, sizeof(peer));
	flow->local_port = million->clients ? (uint16_t)(1024 + i % 60000) : 80;
	flow->remote_port = million->clients ? 80 : (uint16_t)(1024 + i % 60000);
}

static void fill(struct million *million, struct event_transition *e, uint64_t i, unsigned int from,
		 unsigned int to, bool actor)
{
	*e = (struct event_transition){
		.header = {.kind = EVENT_TRANSITION, .version = EVENT_VERSION, .netns = NETNS},
		.time_ns = now(&million->source),
		.cookie = FIRST + i,
		.from = (__u8)from,
		.to = (__u8)to,
	};
	fill_flow(million, &e->flow, i);
	e->header.size = actor ? sizeof(*e) : EVENT_TRANSITION_SHORT;
	if (to == TCP_CLOSE_WAIT)
		e->recv_queue = 1;
	if (actor) {
		e->flow.flags |= EVENT_ACTOR;
		e->task = holder();
	}
}

static void tell(struct million *million, unsigned int what, struct event_transition *e)
{
	uint64_t i = million->told[what]++;

	switch (what) {
	case TOLD_CONNECTING:
		fill(million, e, i, TCP_CLOSE, TCP_SYN_SENT, true);
		break;
	case TOLD_OPEN:
		fill(million, e, i, million->clients ? TCP_SYN_SENT : TCP_SYN_RECV, TCP_ESTABLISHED,
		     false);
		break;
	case TOLD_CLOSE_WAIT:
		fill(million, e, i, TCP_ESTABLISHED, TCP_CLOSE_WAIT, false);
		break;
	case TOLD_LAST_ACK:
		fill(million, e, i, TCP_CLOSE_WAIT, TCP_LAST_ACK, true);
		e->shutdown = 3;
		e->flow.flags |= EVENT_DEAD;
		break;
	default:
		fill(million, e, i, TCP_LAST_ACK, TCP_CLOSE, false);
		e->flow.flags = EVENT_DEAD | EVENT_DONE;
		e->shutdown = 3;
	}
}

/* Connection after connection, where all of that is due. */
static bool next_record(struct million *million, struct event_transition *e)
{
	for (unsigned int what = TOLD_KINDS; what-- > 0;) {
		uint64_t before =
			what == TOLD_CONNECTING || (what == TOLD_OPEN && !million->clients)
				? million->count
				: million->told[what - 1];

		if (million->told[what] < million->due[what] && million->told[what] < before) {
			tell(million, what, e);
			return true;
		}
	}
	return false;
}

static uint64_t left(const struct million *million)
{
	uint64_t sum = 0;

	for (int what = 0; what < TOLD_KINDS; what++)
		sum += million->due[what] - million->told[what];
	return sum;
}

static int drain(struct source *source, struct source_bound *bound, source_sink sink, void *context)
{
	struct million *million = of(source);
	struct event_transition e;

	if (!bound->end)
		bound->end = million->drained + left(million);
	for (uint64_t i = 0; million->drained < bound->end && next_record(million, &e); i++) {
		million->drained++;
		sink(context, &e, e.header.size);
		if (!(i & 63) && now(source) >= bound->until_ns)
			return 1;
	}
	return 0;
}

static unsigned int state_of(const struct million *million, uint64_t i)
{
	if (i < million->told[TOLD_CLOSED])
		return TCP_CLOSE;
	if (i < million->told[TOLD_LAST_ACK])
		return TCP_LAST_ACK;
	return i < million->told[TOLD_CLOSE_WAIT] ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
}

static void scan_begin(struct source *source, const struct scan_request *request,
		       struct scan_result *result)
{
	struct million *million = of(source);

	million->request = *request;
	million->scan_next = 0;
	million->in_tables = !request->descriptors;
	if (!result->started_ns)
		result->started_ns = now(source);
	result->ended_ns = result->started_ns;
	result->tick_ns = 4 * NS_PER_MS;
}

static int add_listener(const struct million *million, struct event_scan *e)
{
	if (million->clients)
		return 0;
	e->cookie = LISTENER;
	e->state = TCP_LISTEN;
	e->flow.remote_port = 0;
	memset(e->flow.remote, 0, sizeof(e->flow.remote));
	e->recv_queue = 0;
	e->send_queue = 128;
	return 1;
}

/* The listener is found after the last connection. Returns whether there is a record. */
static bool show(struct million *million, uint64_t i, struct event_scan *e)
{
	*e = (struct event_scan){
		.header = {.kind = million->in_tables ? EVENT_SCAN_SOCKET : EVENT_SCAN_FD,
			   .version = EVENT_VERSION,
			   .size = sizeof(*e),
			   .netns = NETNS},
		.time_ns = now(&million->source),
		.cookie = FIRST + i,
		.state = (__u8)state_of(million, i),
		.last_sent_ticks = 100000,
		.last_received_ticks = 5000,
	};
	fill_flow(million, &e->flow, i);
	if (!million->in_tables) {
		e->task = holder();
		e->fd = (__u32)i + 5;
	}
	if (i == million->count)
		return add_listener(million, e);
	e->recv_queue = million->idle || i % 2 ? e->state == TCP_CLOSE_WAIT : 0;
	return i < million->told[TOLD_OPEN] && e->state != TCP_CLOSE &&
	       scan_request_states(&million->request, !million->in_tables) >> e->state & 1;
}

static int scan_step(struct source *source, uint64_t until_ns, struct scan_result *result)
{
	struct million *million = of(source);
	uint64_t steps = 0;

	do {
		struct event_scan e;
		int err = 0;

		if (million->scan_next > million->count) {
			if (million->in_tables || !scan_request_tables(&million->request))
				break;
			million->in_tables = true;
			million->scan_next = 0;
		}
		if (show(million, million->scan_next++, &e))
			err = scan_result_add(result, &e, sizeof(e));
		if (err)
			return err;
		if (!(++steps & 63) && now(source) >= until_ns)
			return 1;
	} while (true);
	if (million->in_tables && !scan_result_has_seen(result, NETNS))
		scan_result_add_seen(result, NETNS);
	result->others_gone = million->request.all_tables;
	result->ended_ns = now(source);
	return 0;
}

static int settings(struct source *source, uint32_t netns, struct net_settings *out)
{
	(void)source, (void)netns;
	*out = NET_SETTINGS_DEFAULT;
	return 0;
}

static int descriptor_limit(struct source *source, uint32_t pid, uint64_t *limit)
{
	(void)source, (void)pid;
	*limit = 1ULL << 30;
	return 0;
}

static void get_ledger(struct source *source, struct ledger *ledger)
{
	ledger->seen = of(source)->drained;
}

static void get_clock(struct source *source, struct clock *clock)
{
	(void)source;
	*clock = (struct clock){0};
}

static bool is_alive(struct source *source, uint32_t tgid)
{
	(void)source;
	return tgid == 1000;
}

static void stop(struct source *source)
{
	(void)source;
}

static bool watch_child(void *context, uint32_t tgid)
{
	(void)context, (void)tgid;
	return true;
}

static const struct source_ops ops = {
	.drain = drain,
	.scan_begin = scan_begin,
	.scan_step = scan_step,
	.cpu_time = cpu_time,
	.settings = settings,
	.descriptor_limit = descriptor_limit,
	.stop = stop,
	.ledger = get_ledger,
	.now = now,
	.clock = get_clock,
	.process_alive = is_alive,
};

/* KiB; a name of /proc/self/status */
static long status(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = strtol(line + strlen(name) + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static void most_anew(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, "5", 1) != 1)
			perror("clear_refs");
		close(fd);
	}
}

static void die_if(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "million: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void note(struct million *million, uint64_t began_ns)
{
	uint64_t took_ns = clock_cpu_time() - began_ns;

	million->turns++;
	million->sum_ns += took_ns;
	if (took_ns > million->most_ns)
		million->most_ns = took_ns;
}

static void turn(struct million *million)
{
	uint64_t began_ns = clock_cpu_time();

	die_if(engine_poll(million->engine), "engine_poll()");
	note(million, began_ns);
}

/* A part of the run ends. */
static void say(struct million *million, const char *what)
{
	printf("%-44s longest turn %7.1f ms, all %6lu turns %6.2f s; now %6.1f MB, most %6.1f MB\n",
	       what, (double)million->most_ns / 1e6, million->turns, (double)million->sum_ns / 1e9,
	       (double)status("VmRSS:") * 1.024e-3, (double)status("VmHWM:") * 1.024e-3);
	fflush(stdout);
	million->most_ns = million->sum_ns = million->turns = 0;
	most_anew();
}

/* Until nothing is left to take in. */
static void take_in(struct million *million)
{
	do
		turn(million);
	while (left(million) || engine_behind(million->engine));
}

/* As if that much time passed. */
static void pass(struct million *million, uint64_t ns)
{
	uint64_t until_ns = now(&million->source) + ns, at_ns;

	while ((at_ns = now(&million->source)) < until_ns) {
		uint64_t next_ns = engine_deadline(million->engine);

		if (next_ns > at_ns + 100 * NS_PER_MS)
			next_ns = at_ns + 100 * NS_PER_MS;
		if (next_ns > at_ns)
			million->skipped_ns += next_ns - at_ns;
		turn(million);
	}
}

static void await_leaks(struct million *million)
{
	uint64_t before = 0;

	/* Some of a client's connections are idle, and no leaks. */
	for (int i = 0; i < 60 && engine_leaks(million->engine) < million->count; i++) {
		pass(million, NS_PER_S);
		if (engine_leaks(million->engine) != before)
			i = 0;
		before = engine_leaks(million->engine);
	}
}

static void show_pages(struct million *million)
{
	uint64_t began_ns = clock_cpu_time();
	struct watch_status status;

	million->page.size = 0;
	die_if(engine_metrics(million->engine, &million->page), "engine_metrics()");
	note(million, began_ns);
	say(million, "  a page of metrics");
	began_ns = clock_cpu_time();
	die_if(engine_status(million->engine, &status), "engine_status()");
	engine_status_clear(&status);
	note(million, began_ns);
	say(million, "  the landing page");
}

static void run(struct million *million)
{
	long start, open;
	char text[64];

	die_if(engine_start(million->engine), "engine_start()");
	say(million, "start");
	start = status("VmRSS:");
	if (million->clients)
		million->due[TOLD_CONNECTING] = million->count;
	million->due[TOLD_OPEN] = million->count;
	take_in(million);
	open = status("VmRSS:");
	snprintf(text, sizeof(text), "open: %.1f bytes each",
		 (double)(open - start) * 1024 / (double)million->count);
	say(million, text);
	pass(million, 10 * NS_PER_S);
	say(million, "  10 s of looks");
	show_pages(million);
	million->due[TOLD_CLOSE_WAIT] = million->count;
	take_in(million);
	say(million, "CLOSE_WAIT");
	pass(million, WAIT_NS - NS_PER_S);
	say(million, "  before they are due");
	await_leaks(million);
	snprintf(text, sizeof(text), "%lu leaks reported: %.1f bytes each",
		 engine_leaks(million->engine),
		 (double)(status("VmRSS:") - open) * 1024 / (double)million->count);
	say(million, text);
	pass(million, 10 * NS_PER_S);
	say(million, "  10 s of looks");
	show_pages(million);
	million->due[TOLD_LAST_ACK] = million->due[TOLD_CLOSED] = million->count;
	if (!million->exits)
		take_in(million);
	say(million, million->exits ? "its process exits" : "all of them end");
	uint64_t began_ns = clock_cpu_time();
	die_if(engine_finish(million->engine), "engine_finish()");
	note(million, began_ns);
	say(million, "the last scan and summary");
}

int main(int argc, char *argv[])
{
	const char *listen = "127.0.0.1:0";
	const struct options options = {
		.close_wait_ns = WAIT_NS,
		.interval_ns = 5 * NS_PER_S,
		.json = true,
		.web_listen = &listen,
		.web_listen_count = 1,
		.max_groups = 100,
		.verbose = !!getenv("MILLION_VERBOSE"),
	};
	struct million million = {.source = {.ops = &ops}};
	FILE *null = fopen("/dev/null", "we");
	struct engine_config config = {
		.options = &options,
		.source = &million.source,
		.kernel = "none",
		.watch_child = watch_child,
	};
	int option;

	mallopt(M_MMAP_THRESHOLD, 128 << 10); /* as in main.c */
	while ((option = getopt(argc, argv, "cei")) > 0) {
		million.clients |= option == 'c' || option == 'i';
		million.exits |= option == 'e';
		million.idle |= option == 'i';
	}
	million.count = optind < argc ? strtoull(argv[optind], NULL, 10) : 1000000;
	million.output = null ? output_json_new(null) : NULL;
	config.output = million.output;
	million.engine = million.output ? engine_new(&config) : NULL;
	if (!million.engine)
		die_if(-ENOMEM, "engine_new()");
	run(&million);
	engine_free(million.engine);
	return 0;
}
