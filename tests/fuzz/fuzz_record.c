// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as input from the kernel side: ring records, scans, losses, ends of processes, in any
 * order and at any time. Both outputs must accept it, it must come to an end, and each duration
 * must be the time between two records that were really there.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/engine.h"
#include "fuzz_source.h"
#include "model/tcp_state.h"
#include "base/units.h"

/* How many polls one step may need before time jumps forward. */
#define POLLS_MAX 64

static FILE *null_file;

/* Passes everything on to both outputs, and checks it. */
struct checker {
	struct output base;
	struct output *outputs[2];
	struct fuzz_source *source;
};

#define BOTH(operation, ...)                                                                       \
	do {                                                                                       \
		struct checker *both = (struct checker *)output;                                   \
		for (int i = 0; i < 2; i++) {                                                      \
			both->outputs[i]->clock = output->clock;                                   \
			both->outputs[i]->ops->operation(both->outputs[i], __VA_ARGS__);           \
		}                                                                                  \
	} while (0)

static struct fuzz_source *source_of(struct output *output)
{
	return ((struct checker *)output)->source;
}

static void check_start(struct output *output, const struct output_start *start, uint64_t now_ns)
{
	BOTH(start, start, now_ns);
}

static void check_lifetime(struct fuzz_source *source, const struct change *change)
{
	uint64_t lifetime_ns = change->lifetime_ns;

	CHECK(change->from != TCP_CLOSE);
	if (change->from == TCP_SYN_RECV &&
	    fuzz_source_was_half_open(source, change->cookie, lifetime_ns, change->time_ns))
		return;
	CHECK(lifetime_ns <= change->time_ns);
	CHECK(fuzz_source_entered(source, change->cookie, change->from,
				  change->time_ns - lifetime_ns));
}

static void check_change(struct output *output, const struct change *change)
{
	CHECK(tcp_state_valid(change->from) && tcp_state_valid(change->to));
	CHECK(change->from != change->to);
	CHECK(change->owner_source == OWNER_UNKNOWN || change->owner);
	/* Without records of the kernel a mini-socket has no transitions. */
	if (!feature_has(source_of(output)->base.features, FEATURE_TIME_WAIT))
		CHECK(change->to != TCP_TIME_WAIT || change->from == TCP_FIN_WAIT2 ||
		      fuzz_source_entered(source_of(output), change->cookie, TCP_TIME_WAIT,
					  change->time_ns));
	if (change->lifetime_ns != DURATION_UNKNOWN)
		check_lifetime(source_of(output), change);
	BOTH(change, change);
}

/* The wait began with a transition that was really there. */
static void check_accepted(struct output *output, const struct accepted *accepted)
{
	uint64_t since_ns = accepted->time_ns - accepted->wait_ns;
	bool entered = false;

	if (accepted->wait_ns != DURATION_UNKNOWN) {
		CHECK(accepted->wait_ns <= accepted->time_ns);
		for (unsigned int state = 1; state < TCP_STATES; state++)
			entered |= fuzz_source_entered(source_of(output), accepted->cookie, state,
						       since_ns);
		CHECK(entered);
	}
	BOTH(accepted, accepted);
}

/* Checks the time since when it is in CLOSE_WAIT, if that is known. */
static void check_age(struct output *output, uint64_t cookie, uint64_t time_ns, uint64_t age_ns,
		      bool at_least)
{
	CHECK(age_ns <= time_ns);
	if (!at_least && age_ns) /* also 0 where its records came in the wrong order */
		CHECK(fuzz_source_entered(source_of(output), cookie, TCP_CLOSE_WAIT,
					  time_ns - age_ns));
}

static void check_leak(struct output *output, const struct leak *leak)
{
	CHECK(leak->time_ns <= source_of(output)->now_ns);
	check_age(output, leak->cookie, leak->time_ns, leak->age_ns, leak->age_at_least);
	CHECK(leak->kind < LEAK_KINDS);
	BOTH(leak, leak);
}

static void check_leak_end(struct output *output, const struct leak_end *end)
{
	if (end->age_ns != DURATION_UNKNOWN)
		check_age(output, end->cookie, end->time_ns, end->age_ns, end->age_at_least);
	CHECK(end->kind < LEAK_KINDS);
	BOTH(leak_end, end);
}

static void check_summary(struct output *output, const struct view *view)
{
	uint64_t span_ns = fuzz_source_span(source_of(output));

	for (size_t i = 0; i < view->process_count; i++) {
		const struct histogram *wait = view->processes[i].process->accept_wait;

		CHECK(!wait ||
		      (wait->count && wait->min_ns <= wait->max_ns && wait->max_ns <= span_ns));
		for (int state = 0; state < TCP_STATES; state++) {
			const struct histogram *h = view->processes[i].process->lifetimes[state];

			if (!h)
				continue;
			CHECK(h->count && h->min_ns <= h->max_ns && state != TCP_CLOSE);
			CHECK(h->max_ns <= span_ns || state == TCP_SYN_RECV);
		}
	}
	for (size_t i = 0; i < view->group_count; i++)
		CHECK(view->groups[i]->open <= view->groups[i]->total &&
		      view->groups[i]->oldest_ns <= view->now_ns);
	BOTH(summary, view);
}

static void check_end(struct output *output, const struct view *view)
{
	CHECK(view->ledger.seen == view->ledger.delivered + ledger_lost(&view->ledger));
	BOTH(end, view);
}

static void check_finding(struct output *output, const struct finding *finding)
{
	char text[FINDING_PLACE_LEN];

	CHECK(finding->id < FINDINGS && finding_name(finding->id));
	CHECK(finding->severity <= SEVERITY_CRITICAL && finding->since_ns <= finding->time_ns);
	CHECK(finding->evidence_count <= FINDING_EVIDENCE);
	CHECK(finding->says && *finding->says && finding->advice && *finding->advice);
	for (unsigned int i = 0; i < finding->evidence_count; i++)
		CHECK(finding->evidence[i].name && finding->evidence[i].unit <= EVIDENCE_TEXT);
	CHECK(strlen(finding_format_place(finding, text)) < sizeof(text));
	BOTH(finding, finding);
}

static const struct output_ops checker_ops = {
	.start = check_start,
	.change = check_change,
	.accepted = check_accepted,
	.leak = check_leak,
	.leak_end = check_leak_end,
	.finding = check_finding,
	.summary = check_summary,
	.end = check_end,
};

static bool watch_child(void *context, uint32_t tgid)
{
	(void)context;
	CHECK(tgid);
	return true;
}

/* Lets time pass as the main loop does, without missing a deadline. */
static void pass_time(struct engine *engine, struct fuzz_source *source, uint64_t ns)
{
	uint64_t until_ns = source->now_ns + ns;

	for (int polls = 0; polls < POLLS_MAX && source->now_ns < until_ns; polls++) {
		uint64_t next_ns = engine_deadline(engine);

		if (next_ns < source->now_ns + NS_PER_MS)
			next_ns = source->now_ns + NS_PER_MS;
		source->now_ns = next_ns < until_ns ? next_ns : until_ns;
		engine_poll(engine);
	}
	source->now_ns = until_ns;
}

static void run(struct engine *engine, struct fuzz_source *source)
{
	engine_start(engine);
	while (source->size) {
		switch (fuzz_take_u8(source) % 16) {
		case 0:
			pass_time(engine, source, fuzz_take_u8(source) * 50 * NS_PER_MS);
			break;
		case 1:
			source->now_ns += (uint64_t)fuzz_take_u8(source)
					  << fuzz_take_u8(source) % 40;
			break;
		case 2:
			fuzz_source_scan(source);
			break;
		case 3:
			engine_process_exited(engine, fuzz_take_u8(source) % 8);
			break;
		case 4:
			source->lost += fuzz_take_u8(source);
			source->scan_error = fuzz_take_u8(source) % 8 == 7 ? -5 : 0;
			break;
		case 5:
			engine_poll(engine);
			break;
		case 6:
			fuzz_source_crowd(source);
			break;
		default:
			fuzz_source_record(source);
			break;
		}
	}
	pass_time(engine, source, 5 * NS_PER_S);
	engine_finish(engine);
}

static void options_choose(struct options *options, uint8_t choice)
{
	static uint32_t pids[] = {1, 2};
	static char comms[][16] = {"a"};
	static uint16_t ports[] = {1, 2};

	*options = (struct options){.trace = true};
	options->close_wait_ns = (choice & 3) * NS_PER_S;
	options->interval_ns = choice & 4 ? NS_PER_S : 0;
	options->pids = pids;
	options->pid_count = choice & 8 ? 2 : 0;
	options->follow_forks = choice & 16;
	options->comms = comms;
	options->comm_count = choice & 32 ? 1 : 0;
	options->only_ipv4 = choice & 64;
	options->local_ports = ports;
	options->local_port_count = choice & 128 ? 2 : 0;
}

/* What the kernel reports of mini-sockets: from nothing to all. */
static feature_set features_choose(uint8_t choice)
{
	feature_set features = (1u << FEATURES) - 1;

	if (!(choice & 1))
		features &= ~feature_set_full();
	if (choice & 2)
		features &= ~(1u << FEATURE_FIN_WAIT2 | 1u << FEATURE_ACCEPT);
	if (choice & 4)
		features &= ~(1u << FEATURE_TIME_WAIT);
	return features;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	null_file = fopen("/dev/null", "w");
	CHECK(null_file);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_source source;
	struct options options;
	struct checker checker = {.source = &source};
	struct engine_config config = {
		.options = &options,
		.source = &source.base,
		.output = &checker.base,
		.kernel = "fuzz",
		.self_tgid = 7,
		.watch_child = watch_child,
	};
	struct engine *engine;
	uint8_t choice;

	if (!size)
		return 0;
	fuzz_source_init(&source, data, size);
	options_choose(&options, fuzz_take_u8(&source));
	choice = fuzz_take_u8(&source);
	source.base.features = features_choose(choice);
	options.stack = choice & 8;
	if (choice == 'c') {
		source.crowds = FUZZ_CROWDS_MAX;
		options.interval_ns = 0;
		options.trace = false;
	}
	checker.base.ops = &checker_ops;
	checker.base.file = null_file;
	checker.outputs[0] = output_text_new(null_file);
	checker.outputs[1] = output_json_new(null_file);
	engine = engine_new(&config);
	CHECK(checker.outputs[0] && checker.outputs[1] && engine);
	run(engine, &source);
	engine_free(engine);
	for (int i = 0; i < 2; i++)
		checker.outputs[i]->ops->free(checker.outputs[i]);
	fuzz_source_clear(&source);
	return 0;
}
