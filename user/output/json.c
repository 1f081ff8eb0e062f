// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "output/json_stack.h"
#include "output/json_writer.h"
#include "output/output.h"
#include "track/owner.h"
#include "leak/suppression_gen.h"
#include "leak/suppressions.h"

struct output_json {
	struct output base;
	struct json_writer json;
	bool stacks; /* -s */
	feature_set features;
};

static struct json_writer *begin(struct output *output, const char *type)
{
	struct json_writer *json = &((struct output_json *)output)->json;

	json_put_object(json, NULL);
	json_put_string(json, "type", type);
	return json;
}

static void end(struct json_writer *json)
{
	json_put_object_end(json);
	json_put_line_end(json);
}

static void put_time(struct output *output, struct json_writer *json, uint64_t time_ns)
{
	char text[CLOCK_RFC3339_LEN];

	json_put_string(json, "time", clock_format_rfc3339(&output->clock, time_ns, text));
}

static void put_process(struct json_writer *json, const struct process *process)
{
	if (process && process->tgid)
		json_put_u64(json, "pid", process->tgid);
	else
		json_put_null(json, "pid");
	/* The unknown process, neither one nor several, has no name. */
	json_put_string(json, "comm",
			process && (process->tgid || process->merged || process->alike)
				? process->comm
				: NULL);
}

static void put_socket(struct json_writer *json, uint64_t cookie)
{
	char text[17];

	snprintf(text, sizeof(text), "%llx", (unsigned long long)cookie);
	json_put_string(json, "socket", text);
}

static void put_flow(struct json_writer *json, const struct flow *flow, enum socket_role role)
{
	static const char *const roles[] = {
		[ROLE_UNKNOWN] = NULL, [ROLE_CLIENT] = "client", [ROLE_SERVER] = "server"};
	char text[ENDPOINT_TEXT_LEN];

	json_put_string(json, "family", flow->family == AF_INET ? "inet" : "inet6");
	json_put_string(json, "local", flow_format_local(flow, text));
	json_put_string(json, "remote", flow_format_remote(flow, text));
	json_put_u64(json, "netns", flow->netns);
	json_put_string(json, "role", roles[role]);
}

static void put_duration(struct json_writer *json, const char *key, uint64_t ns)
{
	if (ns == DURATION_UNKNOWN)
		json_put_null(json, key);
	else
		json_put_u64(json, key, ns);
}

static void put_command(struct json_writer *json, char **words)
{
	if (!words) {
		json_put_null(json, "command");
		return;
	}
	json_put_array(json, "command");
	for (; *words; words++)
		json_put_string(json, NULL, *words);
	json_put_array_end(json);
}

static void json_start(struct output *output, const struct output_start *start, uint64_t now_ns)
{
	struct json_writer *json = begin(output, "start");

	((struct output_json *)output)->stacks = start->options->stack;
	((struct output_json *)output)->features = start->features;
	put_time(output, json, now_ns);
	json_put_string(json, "version", start->version);
	json_put_string(json, "kernel", start->kernel);
	json_put_string(json, "mode", feature_mode(start->features));
	json_put_array(json, "missing");
	for (int i = 0; i < FEATURES; i++)
		if (feature_is_missing(start->features, (enum feature)i))
			json_put_string(json, NULL, feature_infos[i].name);
	json_put_array_end(json);
	json_put_array(json, "pids");
	for (size_t i = 0; i < start->options->pid_count; i++)
		json_put_u64(json, NULL, start->options->pids[i]);
	json_put_array_end(json);
	put_command(json, start->options->command);
	json_put_u64(json, "close_wait_ns", start->options->close_wait_ns);
	json_put_u64(json, "sockets_found", start->sockets_found);
	end(json);
}

static void json_change(struct output *output, const struct change *change)
{
	struct json_writer *json = begin(output, "transition");

	put_time(output, json, change->time_ns);
	put_process(json, change->owner);
	json_put_string(json, "owner", owner_source_name(change->owner_source));
	put_socket(json, change->cookie);
	put_flow(json, change->flow, change->role);
	json_put_string(json, "from", tcp_state_name(change->from));
	json_put_string(json, "to", tcp_state_name(change->to));
	put_duration(json, "lifetime_ns", change->lifetime_ns);
	json_put_string(json, "cause", cause_name(change->cause));
	end(json);
}

static void json_accepted(struct output *output, const struct accepted *accepted)
{
	struct json_writer *json = begin(output, "accept");

	put_time(output, json, accepted->time_ns);
	put_process(json, accepted->process);
	put_socket(json, accepted->cookie);
	put_flow(json, accepted->flow, ROLE_SERVER);
	put_duration(json, "accept_wait_ns", accepted->wait_ns);
	end(json);
}

static void put_listener(struct json_writer *json, const struct flow *listener)
{
	char text[ENDPOINT_TEXT_LEN];

	if (listener)
		json_put_string(json, "listener", flow_format_local(listener, text));
	else
		json_put_null(json, "listener");
}

static void json_leak(struct output *output, const struct leak *leak)
{
	bool idle = leak->kind == LEAK_IDLE;
	struct json_writer *json = begin(output, idle ? "idle" : "leak");

	put_time(output, json, leak->time_ns);
	put_process(json, leak->process);
	put_socket(json, leak->cookie);
	put_flow(json, leak->flow, leak->role);
	json_put_string(json, "state", tcp_state_name(TCP_CLOSE_WAIT));
	json_put_u64(json, "age_ns", leak->age_ns);
	json_put_bool(json, "age_at_least", leak->age_at_least);
	json_put_string(json, "kind", leak_kind_name(idle ? LEAK_UNREAD : leak->kind));
	json_put_string(json, "eof", leak->end_read ? "taken" : "unread");
	if (leak->sent == LEAK_SENT_UNKNOWN)
		json_put_null(json, "sent_since");
	else
		json_put_bool(json, "sent_since", leak->sent == LEAK_SENT_SOME);
	json_put_u64(json, "recv_queue", leak->recv_queue);
	json_put_u64(json, "send_queue", leak->send_queue);
	json_put_bool(json, "at_exit", leak->at_exit);
	json_put_array(json, "holders");
	for (size_t i = 0; i < leak->holder_count; i++) {
		json_put_object(json, NULL);
		put_process(json, leak->holders[i].process);
		json_put_u64(json, "fd", leak->holders[i].fd);
		if (leak->holders[i].tid)
			json_put_u64(json, "tid", leak->holders[i].tid);
		json_put_object_end(json);
	}
	json_put_array_end(json);
	if (leak->holder_total > leak->holder_count)
		json_put_u64(json, "holders_count", leak->holder_total);
	if (leak->kind == LEAK_UNACCEPTED)
		put_listener(json, leak->listener);
	if (((struct output_json *)output)->stacks)
		json_stack_put(json, leak->stack);
	end(json);
}

static void json_leak_end(struct output *output, const struct leak_end *leak)
{
	bool idle = leak->kind == LEAK_IDLE;
	struct json_writer *json = begin(output, idle ? "idle_end" : "leak_end");

	if (leak->time_ns)
		put_time(output, json, leak->time_ns);
	else
		json_put_null(json, "time");
	put_process(json, leak->process);
	put_socket(json, leak->cookie);
	put_duration(json, "age_ns", leak->age_ns);
	json_put_bool(json, "age_at_least", leak->age_at_least);
	json_put_string(json, "kind", leak_kind_name(idle ? LEAK_UNREAD : leak->kind));
	end(json);
}

static void put_evidence(struct json_writer *json, const struct evidence *evidence)
{
	static const char *const suffixes[] = {
		[EVIDENCE_COUNT] = "",
		[EVIDENCE_BYTES] = "_bytes",
		[EVIDENCE_DURATION] = "_ns",
		[EVIDENCE_PER_SECOND] = "_per_second",
		[EVIDENCE_PER_MINUTE] = "_per_minute",
		[EVIDENCE_PERCENT] = "_percent",
		[EVIDENCE_FLAG] = "",
		[EVIDENCE_TEXT] = "",
	};
	char key[64];

	snprintf(key, sizeof(key), "%s%s", evidence->name, suffixes[evidence->unit]);
	switch (evidence->unit) {
	case EVIDENCE_COUNT:
	case EVIDENCE_BYTES:
	case EVIDENCE_DURATION:
		json_put_u64(json, key, evidence->count);
		break;
	case EVIDENCE_PER_SECOND:
	case EVIDENCE_PER_MINUTE:
	case EVIDENCE_PERCENT:
		json_put_real(json, key, evidence->rate);
		break;
	case EVIDENCE_FLAG:
		json_put_bool(json, key, evidence->count);
		break;
	case EVIDENCE_TEXT:
		json_put_string(json, key, evidence->text);
		break;
	}
	if (evidence->at_least) {
		snprintf(key, sizeof(key), "%s_at_least", evidence->name);
		json_put_bool(json, key, true);
	}
}

static void json_finding(struct output *output, const struct finding *finding)
{
	static const char *const statuses[] = {
		[FINDING_OPENED] = "open", [FINDING_WORSE] = "worse", [FINDING_OVER] = "over"};
	struct json_writer *json = begin(output, "finding");
	char text[FINDING_PLACE_LEN > CLOCK_RFC3339_LEN ? FINDING_PLACE_LEN : CLOCK_RFC3339_LEN];

	put_time(output, json, finding->time_ns);
	json_put_string(json, "id", finding_name(finding->id));
	json_put_string(json, "status", statuses[finding->status]);
	json_put_string(json, "severity", severity_name(finding->severity));
	put_process(json, finding->process);
	if (finding->process && finding->process->alike)
		json_put_u64(json, "processes", finding->process->alike);
	json_put_string(json, "subject",
			finding->place == PLACE_NONE ? NULL : finding_format_place(finding, text));
	if (finding->place == PLACE_NONE)
		json_put_null(json, "netns");
	else
		json_put_u64(json, "netns", finding->flow.netns);
	json_put_string(json, "since",
			clock_format_rfc3339(&output->clock, finding->since_ns, text));
	json_put_object(json, "evidence");
	for (unsigned int i = 0; i < finding->evidence_count; i++)
		put_evidence(json, &finding->evidence[i]);
	json_put_object_end(json);
	json_put_string(json, "says", finding->says);
	json_put_string(json, "advice", finding->advice);
	end(json);
}

static void put_histogram(struct json_writer *json, const char *key,
			  const struct histogram *histogram)
{
	json_put_object(json, key);
	json_put_u64(json, "count", histogram->count);
	json_put_u64(json, "sum_ns", histogram->sum_ns);
	json_put_u64(json, "min_ns", histogram->min_ns);
	json_put_u64(json, "p50_ns", histogram_quantile(histogram, 0.5));
	json_put_u64(json, "p90_ns", histogram_quantile(histogram, 0.9));
	json_put_u64(json, "p99_ns", histogram_quantile(histogram, 0.99));
	json_put_u64(json, "max_ns", histogram->max_ns);
	json_put_array(json, "buckets");
	for (size_t i = 0; (i = counters_next(histogram->buckets, i)) < COUNTERS_MAX; i++) {
		json_put_array(json, NULL);
		/* null for the last one, which has no bound */
		put_duration(json, NULL, histogram_bucket_upper(i));
		json_put_u64(json, NULL, counters_get(histogram->buckets, i));
		json_put_array_end(json);
	}
	json_put_array_end(json);
	json_put_object_end(json);
}

static void put_transitions(struct json_writer *json, const struct process *process)
{
	char key[32];

	json_put_object(json, "transitions");
	for (size_t i = 0; (i = counters_next(process->transitions, i)) < COUNTERS_MAX; i++) {
		snprintf(key, sizeof(key), "%s>%s", tcp_state_name((unsigned int)i / TCP_STATES),
			 tcp_state_name((unsigned int)i % TCP_STATES));
		json_put_u64(json, key, counters_get(process->transitions, i));
	}
	json_put_object_end(json);
}

/* Null is what this kernel does not show. */
static void put_resets(const struct output *output, struct json_writer *json, const char *name,
		       uint64_t count, enum feature feature)
{
	const struct output_json *self = (const struct output_json *)output;

	if (!count && feature_is_missing(self->features, feature))
		json_put_null(json, name);
	else
		json_put_u64(json, name, count);
}

static void put_segments(const struct output *output, struct json_writer *json,
			 const struct segment_count *count)
{
	json_put_object(json, "retransmits");
	for (const unsigned char *state = tcp_state_order; *state; state++)
		if (count->repeated[*state])
			json_put_u64(json, tcp_state_name(*state), count->repeated[*state]);
	json_put_object_end(json);
	json_put_object(json, "resets");
	put_resets(output, json, "sent", count->resets_sent, FEATURE_RESETS_SENT);
	put_resets(output, json, "received", count->resets_received, FEATURE_RESETS_RECEIVED);
	json_put_object_end(json);
}

static void put_summary(struct output *output, const struct view *whole,
			const struct view_process *view)
{
	const struct process *process = view->process;
	struct json_writer *json = begin(output, "process");
	char text[CLOCK_RFC3339_LEN];

	put_time(output, json, whole->now_ns);
	put_process(json, process);
	if (process->tgid)
		json_put_string(json, "start_time",
				clock_format_boottime(&output->clock, process->start_ns, text));
	else
		json_put_null(json, "start_time");
	if (process->merged)
		json_put_u64(json, "processes", process->merged);
	json_put_object(json, "states");
	for (const unsigned char *state = tcp_state_order; *state; state++)
		if (process->lifetimes[*state])
			put_histogram(json, tcp_state_name(*state), process->lifetimes[*state]);
	json_put_object_end(json);
	if (process->accept_wait)
		put_histogram(json, "accept_wait", process->accept_wait);
	else
		json_put_null(json, "accept_wait");
	put_transitions(json, process);
	json_put_object(json, "open");
	for (const unsigned char *state = tcp_state_order; *state; state++)
		if (view->open[*state])
			json_put_u64(json, tcp_state_name(*state), view->open[*state]);
	json_put_object_end(json);
	json_put_object(json, "leaks");
	for (int kind = 0; kind < LEAK_KINDS; kind++)
		if (process->leaks[kind])
			json_put_u64(json, leak_kind_name(kind), process->leaks[kind]);
	json_put_object_end(json);
	json_put_u64(json, "idle", process->idle);
	put_segments(output, json, &process->segments);
	if (((struct output_json *)output)->stacks)
		json_stack_put_sites(json, whole, process);
	end(json);
}

static void json_summary(struct output *output, const struct view *view)
{
	for (size_t i = 0; i < view->process_count; i++)
		put_summary(output, view, &view->processes[i]);
}

static void put_made(struct output *output, const struct suppression_gen *gen)
{
	const struct suppression_made *made;

	for (size_t i = 0; (made = suppression_gen_at(gen, i)); i++) {
		struct json_writer *json = begin(output, "suppression");

		json_put_string(json, "suppression", made->text);
		json_put_u64(json, "count", made->count);
		end(json);
	}
}

static void put_suppressed(struct json_writer *json, const struct suppressions *suppressions)
{
	const struct suppression *each;

	json_put_array(json, "suppressed");
	for (size_t i = 0; (each = suppressions_at(suppressions, i)); i++) {
		json_put_object(json, NULL);
		json_put_string(json, "suppression", each->text);
		json_put_u64(json, "line", each->line);
		json_put_u64(json, "count", each->count);
		json_put_object_end(json);
	}
	json_put_array_end(json);
}

static void json_end(struct output *output, const struct view *view)
{
	struct json_writer *json;

	if (view->made)
		put_made(output, view->made);
	json = begin(output, "end");
	put_time(output, json, view->now_ns);
	json_put_u64(json, "duration_ns", view->duration_ns);
	json_put_u64(json, "events_seen", view->ledger.seen);
	json_put_u64(json, "events_delivered", view->ledger.delivered);
	json_put_object(json, "lost");
	for (int reason = 0; reason < LOST_REASONS; reason++)
		json_put_u64(json, lost_reason_name(reason), view->ledger.lost[reason]);
	json_put_object_end(json);
	json_put_bool(json, "incomplete", view->incomplete);
	if (view->suppressions)
		put_suppressed(json, view->suppressions);
	end(json);
}

static void json_free(struct output *output)
{
	free(output);
}

static const struct output_ops ops = {
	.start = json_start,
	.change = json_change,
	.accepted = json_accepted,
	.leak = json_leak,
	.leak_end = json_leak_end,
	.finding = json_finding,
	.summary = json_summary,
	.end = json_end,
	.free = json_free,
};

struct output *output_json_new(FILE *file)
{
	struct output_json *output = calloc(1, sizeof(*output));

	if (!output)
		return NULL;
	output->base.ops = &ops;
	output->base.file = file;
	output->json.file = file;
	return &output->base;
}
