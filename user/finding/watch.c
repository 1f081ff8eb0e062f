// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/watch.h"

#include <errno.h>
#include <stdlib.h>

#include "finding/rule.h"

static const struct finding_rule *const rules[] = {
	&finding_close_wait_leak, &finding_accept_stall,    &finding_time_wait_churn,
	&finding_pool_thrash,	  &finding_connect_stuck,   &finding_syn_flood,
	&finding_fin_wait2_stuck, &finding_last_ack_stuck,  &finding_dead_peer,
	&finding_reset_storm,	  &finding_descriptor_leak,
};

#define RULES (sizeof(rules) / sizeof(*rules))

struct finding_watch {
	struct finding_hooks hooks;
	struct finding_look look;
	/* By the state that a transition leaves; ends with NULL. */
	void (*changed[TCP_STATES][RULES + 1])(struct finding_look *look,
					       const struct change *change);
	/* What is not shown to the rules yet, in this look. */
	bool showing;	/* sockets, */
	uint32_t shown; /* from this position in their table on */
	size_t rule;	/* `others` of rules from this number on */
};

static void sort_by_state(struct finding_watch *watch)
{
	for (unsigned int state = 0; state < TCP_STATES; state++) {
		size_t count = 0;

		for (size_t i = 0; i < RULES; i++)
			if (rules[i]->changed && rules[i]->from_states >> state & 1)
				watch->changed[state][count++] = rules[i]->changed;
	}
}

struct finding_watch *finding_watch_new(struct tracker *tracker, struct leak_watch *leaks,
					struct source *source, uint64_t now_ns,
					const struct finding_hooks *hooks)
{
	struct finding_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->hooks = *hooks;
	sort_by_state(watch);
	if (finding_look_init(&watch->look, tracker, leaks, source, now_ns)) {
		finding_watch_free(watch);
		return NULL;
	}
	return watch;
}

void finding_watch_free(struct finding_watch *watch)
{
	if (!watch)
		return;
	finding_look_clear(&watch->look);
	free(watch);
}

void finding_watch_changed(struct finding_watch *watch, const struct change *change)
{
	for (size_t i = 0; watch->changed[change->from][i]; i++)
		watch->changed[change->from][i](&watch->look, change);
}

static void show_socket(struct finding_look *look, const struct tcp_socket *socket)
{
	bool guessed = socket->owner_source <= OWNER_LISTENER;
	bool watched = finding_look_owner(look, socket->owner);
	struct process *owner = process_table_or_unknown(look->tracker->processes, socket->owner);

	for (size_t i = 0; (watched || guessed) && i < RULES; i++)
		if (rules[i]->socket && rules[i]->states >> socket->state & 1 &&
		    (watched || rules[i]->guessed))
			rules[i]->socket(look, socket, owner);
}

/* Returns whether there are more than *left sockets, of which those that were shown are taken. */
static bool show_sockets(struct finding_watch *watch, size_t *left)
{
	struct finding_look *look = &watch->look;
	const struct tcp_socket *socket;

	for (; *left; --*left) {
		socket = socket_table_next(look->tracker->sockets, &watch->shown);
		if (!socket)
			return false;
		if (!socket->hidden && socket->since_ns <= look->now_ns)
			show_socket(look, socket);
	}
	return true;
}

static void show_minis(struct finding_look *look)
{
	const struct mini_socket *mini;
	struct process *owner;
	uint32_t position = 0;

	while ((mini = mini_table_next(look->tracker->minis, &position))) {
		owner = mini->hidden ? NULL : finding_look_owner(look, mini->owner);
		for (size_t i = 0; owner && i < RULES; i++)
			if (rules[i]->mini && rules[i]->mini_states >> mini->state & 1)
				rules[i]->mini(look, mini, owner);
	}
}

/* What a rule adds may be a walk over all sockets. Returns whether there are more rules, where the
 * sockets are too many for all of that in one step. */
static bool show_others(struct finding_watch *watch, size_t sockets)
{
	bool many = socket_table_count(watch->look.tracker->sockets) > sockets;

	while (watch->rule < RULES) {
		const struct finding_rule *rule = rules[watch->rule++];

		if (!rule->others)
			continue;
		rule->others(&watch->look);
		if (many && watch->rule < RULES)
			return true;
	}
	return false;
}

static void show_records(struct finding_look *look, const struct scan_result *result)
{
	look->result = result;
	look->tick_ns = result->tick_ns;
	look->read_after_ns = result->ended_ns > look->now_ns ? result->ended_ns - look->now_ns : 0;
	subjects_begin_scan(look->subjects);
	for (size_t i = 0; i < result->count; i += scan_result_group(result, &result->records[i]))
		for (size_t rule = 0; rule < RULES; rule++)
			if (rules[rule]->record)
				rules[rule]->record(look, &result->records[i]);
	for (size_t rule = 0; rule < RULES; rule++)
		if (rules[rule]->scanned)
			rules[rule]->scanned(look);
	look->result = NULL;
}

static const struct finding_rule *rule_of(const struct subject *subject)
{
	for (size_t i = 0; i < RULES; i++)
		if (rules[i]->id == subject->id)
			return rules[i];
	return NULL; /* not reached: a subject is a rule's */
}

static void report(struct finding_watch *watch, struct finding *finding, struct subject *subject,
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
	report(watch, finding, subject, worse ? FINDING_WORSE : FINDING_OPENED);
}

/* The process to name; NULL = no single one, or unknown. */
static const struct process *process_of(const struct finding_watch *watch,
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
		.process = process_of(watch, subject),
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
		report(watch, &finding, subject, FINDING_OVER);
	}
}

void finding_watch_start(struct finding_watch *watch, uint64_t now_ns)
{
	struct finding_look *look = &watch->look;

	look->now_ns = now_ns;
	look->wanted = (struct scan_request){0};
	for (size_t i = 0; i < FINDINGS; i++)
		netns_set_clear(&look->netns[i]);
	subjects_begin(look->subjects, now_ns);
	finding_pairs_clear(look->pairs);
	watch->shown = 0;
	watch->showing = true;
	watch->rule = 0;
}

bool finding_watch_show(struct finding_watch *watch, size_t sockets, struct scan_request *request)
{
	struct finding_look *look = &watch->look;
	size_t left = sockets;

	if (watch->showing && show_sockets(watch, &left))
		return true;
	if (watch->showing) {
		watch->showing = false;
		show_minis(look);
	}
	if (show_others(watch, sockets))
		return true;
	if (!scan_request_any(&look->wanted))
		subjects_begin_scan(look->subjects); /* no suspicion: what a scan found is past */
	*request = look->wanted;
	return false;
}

void finding_watch_begin(struct finding_watch *watch, uint64_t now_ns, struct scan_request *request)
{
	finding_watch_start(watch, now_ns);
	finding_watch_show(watch, SIZE_MAX, request);
}

void finding_watch_finish(struct finding_watch *watch, const struct scan_result *result)
{
	struct subject *subject = NULL;

	if (result)
		show_records(&watch->look, result);
	while ((subject = subjects_next(watch->look.subjects, subject)))
		judge(watch, subject);
}

/* Start with NULL, ends with NULL. */
static struct subject *next_open(const struct finding_watch *watch, struct subject *subject)
{
	while ((subject = subjects_next(watch->look.subjects, subject)))
		if (subject->open)
			return subject;
	return NULL;
}

void finding_watch_each(const struct finding_watch *watch,
			void (*each)(void *context, enum finding_id id,
				     const struct process *process, uint32_t netns),
			void *context)
{
	struct subject *subject = NULL;

	while ((subject = next_open(watch, subject)))
		each(context, subject->id, process_of(watch, subject), subject->flow.netns);
}

static int compare_findings(const void *a, const void *b)
{
	const struct subject *x = ((const struct finding_open *)a)->subject;
	const struct subject *y = ((const struct finding_open *)b)->subject;

	if (x->severity != y->severity)
		return x->severity < y->severity ? 1 : -1;
	if (x->since_ns != y->since_ns)
		return x->since_ns > y->since_ns ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

int finding_list_build(struct finding_list *list, const struct finding_watch *watch)
{
	struct subject *subject = NULL;
	size_t count = 0;

	*list = (struct finding_list){0};
	while ((subject = next_open(watch, subject)))
		count++;
	list->open = calloc(count ? count : 1, sizeof(*list->open));
	if (!list->open)
		return -ENOMEM;
	while ((subject = next_open(watch, subject)))
		list->open[list->count++] = (struct finding_open){
			.subject = subject,
			.process = process_of(watch, subject),
		};
	qsort(list->open, list->count, sizeof(*list->open), compare_findings);
	return 0;
}

void finding_list_clear(struct finding_list *list)
{
	free(list->open);
	*list = (struct finding_list){0};
}
