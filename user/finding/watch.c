// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/watch.h"

#include <stdlib.h>
#include <string.h>

#include "finding/rule.h"
#include "base/units.h"

/* Looks may take a two-hundredth of one CPU, and scans for them a hundredth. */
#define LOOK_PAUSE  (1 * NS_PER_S)
#define LOOK_SHARE  200
#define SCAN_PAUSE  (2 * NS_PER_S)
#define SCAN_SHARE  100
#define SCAN_FAILED (10 * NS_PER_S)

#define SETTINGS_KEPT  (30 * NS_PER_S)
#define SETTINGS_LIMIT 64

static const struct finding_rule *const rules[] = {
	&finding_close_wait_leak, &finding_accept_stall,   &finding_time_wait_churn,
	&finding_pool_thrash,	  &finding_connect_stuck,  &finding_syn_flood,
	&finding_fin_wait2_stuck, &finding_last_ack_stuck, &finding_dead_peer,
	&finding_reset_storm,
};

#define RULES (sizeof(rules) / sizeof(*rules))

/* The settings of a network namespace, as of read_ns. */
struct known_settings {
	uint32_t netns;
	bool valid;
	uint64_t read_ns; /* 0 = never */
	struct net_settings settings;
};

struct finding_watch {
	struct finding_hooks hooks;
	struct finding_look look;
	uint64_t look_at_ns;
	uint64_t scan_at_ns; /* not before */
	struct known_settings settings[SETTINGS_LIMIT];
};

struct finding_watch *finding_watch_new(struct tracker *tracker, struct leak_watch *leaks,
					const struct finding_hooks *hooks)
{
	struct finding_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->hooks = *hooks;
	watch->look.tracker = tracker;
	watch->look.leaks = leaks;
	watch->look.watch = watch;
	watch->look.now_ns = hooks->now(hooks->context);
	watch->look_at_ns = watch->look.now_ns + LOOK_PAUSE;
	watch->look.subjects = subjects_new();
	watch->look.pairs = finding_pairs_new();
	watch->look.ports = port_use_new();
	watch->look.peers = peer_use_new();
	if (!watch->look.subjects || !watch->look.pairs || !watch->look.ports ||
	    !watch->look.peers) {
		finding_watch_free(watch);
		return NULL;
	}
	subjects_begin(watch->look.subjects, watch->look.now_ns);
	return watch;
}

void finding_watch_free(struct finding_watch *watch)
{
	if (!watch)
		return;
	subjects_free(watch->look.subjects);
	finding_pairs_free(watch->look.pairs);
	port_use_free(watch->look.ports);
	peer_use_free(watch->look.peers);
	free(watch);
}

static uint64_t now(const struct finding_watch *watch)
{
	return watch->hooks.now(watch->hooks.context);
}

/* The one of this namespace, or the one that was not read for longest. */
static struct known_settings *settings_slot(struct finding_watch *watch, uint32_t netns)
{
	struct known_settings *oldest = watch->settings;

	for (size_t i = 0; i < SETTINGS_LIMIT; i++) {
		struct known_settings *known = &watch->settings[i];

		if (known->read_ns && known->netns == netns)
			return known;
		if (known->read_ns < oldest->read_ns)
			oldest = known;
	}
	*oldest = (struct known_settings){.netns = netns};
	return oldest;
}

const struct net_settings *finding_look_settings(struct finding_look *look, uint32_t netns)
{
	struct finding_watch *watch = look->watch;
	struct known_settings *known = settings_slot(watch, netns);

	if (!known->read_ns || known->read_ns + SETTINGS_KEPT < look->now_ns) {
		known->valid =
			!watch->hooks.settings(watch->hooks.context, netns, &known->settings);
		known->read_ns = look->now_ns;
	}
	return known->valid ? &known->settings : NULL;
}

uint64_t finding_look_descriptors(struct finding_look *look, const struct process *process)
{
	struct finding_watch *watch = look->watch;
	uint64_t limit;

	if (!process || !process->tgid ||
	    watch->hooks.descriptor_limit(watch->hooks.context, process->tgid, &limit))
		return 0;
	return limit;
}

/* Others see what the tracker owns as const. */
struct process *finding_look_owner(const struct finding_look *look, const struct process *owner)
{
	struct process *process =
		process_table_or_unknown(look->tracker->processes, (struct process *)owner);

	return process->watched ? process : NULL;
}

const struct tcp_socket *finding_look_socket(const struct finding_look *look,
					     const struct event_scan *record)
{
	const struct tcp_socket *socket = socket_table_find(look->tracker->sockets, record->cookie);

	if (!socket || socket->hidden || !finding_look_owner(look, socket->owner))
		return NULL;
	return socket;
}

void finding_watch_changed(struct finding_watch *watch, const struct change *change)
{
	for (size_t i = 0; i < RULES; i++)
		if (rules[i]->from_states >> change->from & 1)
			rules[i]->changed(&watch->look, change);
}

static void show_sockets(struct finding_look *look)
{
	const struct tcp_socket *socket;
	const struct mini_socket *mini;
	struct process *owner;
	uint32_t position = 0;

	while ((socket = socket_table_next(look->tracker->sockets, &position))) {
		owner = socket->hidden ? NULL : finding_look_owner(look, socket->owner);
		for (size_t i = 0; owner && i < RULES; i++)
			if (rules[i]->socket && rules[i]->states >> socket->state & 1)
				rules[i]->socket(look, socket, owner);
	}
	position = 0;
	while ((mini = mini_table_next(look->tracker->minis, &position))) {
		owner = mini->hidden ? NULL : finding_look_owner(look, mini->owner);
		for (size_t i = 0; owner && i < RULES; i++)
			if (rules[i]->mini && rules[i]->mini_states >> mini->state & 1)
				rules[i]->mini(look, mini, owner);
	}
	for (size_t i = 0; i < RULES; i++)
		if (rules[i]->others)
			rules[i]->others(look);
}

static void show_records(struct finding_look *look, const struct scan_result *result)
{
	look->tick_ns = result->tick_ns;
	subjects_begin_scan(look->subjects);
	for (size_t i = 0; i < result->count; i += scan_result_group(result, &result->records[i]))
		for (size_t rule = 0; rule < RULES; rule++)
			if (rules[rule]->record)
				rules[rule]->record(look, &result->records[i]);
	for (size_t rule = 0; rule < RULES; rule++)
		if (rules[rule]->scanned)
			rules[rule]->scanned(look);
}

/* Returns how long it took, in ns. */
static uint64_t scan_if_wanted(struct finding_watch *watch)
{
	struct finding_look *look = &watch->look;
	struct scan_result result = {0};
	uint64_t began_ns = now(watch), pause_ns, took_ns;
	int err;

	if (!look->wanted.tables && !look->wanted.descriptors) {
		subjects_begin_scan(look->subjects); /* nobody suspects anything any more */
		return 0;
	}
	if (began_ns < watch->scan_at_ns)
		return 0;
	err = watch->hooks.scan(watch->hooks.context, &look->wanted, &result);
	if (!err)
		show_records(look, &result);
	scan_result_clear(&result);
	took_ns = now(watch) - began_ns;
	pause_ns = err ? SCAN_FAILED : took_ns * SCAN_SHARE;
	watch->scan_at_ns = began_ns + (pause_ns < SCAN_PAUSE ? SCAN_PAUSE : pause_ns);
	return took_ns;
}

static const struct finding_rule *rule_of(const struct subject *subject)
{
	for (size_t i = 0; i < RULES; i++)
		if (rules[i]->id == subject->id)
			return rules[i];
	return NULL; /* not reached: a subject is a rule's */
}

static void tell(struct finding_watch *watch, struct finding *finding, struct subject *subject,
		 enum finding_status status)
{
	finding->status = status;
	finding->since_ns = subject->since_ns;
	watch->hooks.found(watch->hooks.context, finding);
}

static void found(struct finding_watch *watch, struct subject *subject, struct finding *finding)
{
	bool worse = subject->open && finding->severity > subject->severity;

	subject->true_ns = finding->time_ns;
	subject->says = finding->says;
	subject->advice = finding->advice;
	if (subject->open && !worse)
		return;
	subject->severity = finding->severity;
	if (!subject->open)
		subject->since_ns = finding->time_ns;
	subject->open = true;
	tell(watch, finding, subject, worse ? FINDING_WORSE : FINDING_OPENED);
}

const struct process *finding_watch_named(const struct finding_watch *watch,
					  const struct subject *subject)
{
	const struct process *unknown = process_table_unknown(watch->look.tracker->processes);
	const struct process *process = subject->blamed ? subject->blamed : subject->process;

	return process == unknown ? NULL : process;
}

static void judge(struct finding_watch *watch, struct subject *subject)
{
	const struct finding_rule *rule = rule_of(subject);
	struct finding finding = {
		.id = subject->id,
		.process = finding_watch_named(watch, subject),
		.place = subject->place,
		.flow = subject->flow,
		.time_ns = watch->look.now_ns,
		.says = rule->says,
		.advice = rule->advice,
	};

	if (rule->judge(&watch->look, subject, &finding)) {
		found(watch, subject, &finding);
	} else if (subject->open && subject->true_ns + FINDING_OVER_NS <= finding.time_ns) {
		subject->open = false;
		finding.severity = subject->severity;
		finding.says = subject->says;
		finding.advice = subject->advice;
		tell(watch, &finding, subject, FINDING_OVER);
	}
}

/* Returns how much of the time was not its own, but a scan's, in ns. */
static uint64_t look(struct finding_watch *watch)
{
	struct finding_look *look = &watch->look;
	struct subject *subject = NULL;
	uint64_t scan_ns;

	look->now_ns = now(watch);
	look->wanted = (struct scan_request){0};
	subjects_begin(look->subjects, look->now_ns);
	finding_pairs_clear(look->pairs);
	show_sockets(look);
	scan_ns = scan_if_wanted(watch);
	while ((subject = subjects_next(look->subjects, subject)))
		judge(watch, subject);
	return scan_ns;
}

void finding_watch_run(struct finding_watch *watch)
{
	uint64_t began_ns = now(watch), pause_ns, scan_ns;

	if (began_ns < watch->look_at_ns)
		return;
	scan_ns = look(watch);
	pause_ns = (now(watch) - began_ns - scan_ns) * LOOK_SHARE;
	watch->look_at_ns = began_ns + (pause_ns < LOOK_PAUSE ? LOOK_PAUSE : pause_ns);
}

uint64_t finding_watch_deadline(const struct finding_watch *watch)
{
	return watch->look_at_ns;
}

const struct subject *finding_watch_next(const struct finding_watch *watch,
					 const struct subject *previous)
{
	struct subject *subject = (struct subject *)previous;

	while ((subject = subjects_next(watch->look.subjects, subject)))
		if (subject->open)
			return subject;
	return NULL;
}

void finding_watch_each(struct finding_watch *watch,
			void (*each)(void *context, enum finding_id id,
				     const struct process *process, uint32_t netns),
			void *context)
{
	struct subject *subject = NULL;

	while ((subject = subjects_next(watch->look.subjects, subject)))
		if (subject->open)
			each(context, subject->id, finding_watch_named(watch, subject),
			     subject->flow.netns);
}
