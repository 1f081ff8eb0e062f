// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <stdlib.h>

#include "output/output.h"
#include "output/text_finding.h"
#include "output/text_stack.h"
#include "output/text_style.h"
#include "output/text_suppressions.h"
#include "base/units.h"

/* Only -j prints more processes than this; those with leaks come first. */
#define PROCESSES_SHOWN 20
#define GROUPS_SHOWN	20
#define FINDINGS_SHOWN	20
#define HOLDERS_SHOWN	4

struct output_text {
	struct output base;
	const char *watched; /* "processes" or "sockets" that were chosen; NULL: all are */
	struct text_style style;
	struct text_stack sites; /* what was printed about call sites */
	bool stacks;		 /* -s */
	bool lines;		 /* print each leak in one line */
};

static struct output_text *text_of(struct output *output)
{
	return (struct output_text *)output;
}

static const struct text_style *style_of(struct output *output)
{
	return &text_of(output)->style;
}

static const char *what_is_watched(const struct options *options)
{
	if (options->only_ipv4 || options->only_ipv6 || options->local_port_count ||
	    options->remote_port_count)
		return "sockets";
	return options->pid_count || options->comm_count || options->command ? "processes" : NULL;
}

static void text_start(struct output *output, const struct output_start *start, uint64_t now_ns)
{
	const struct options *options = start->options;
	char duration[DURATION_TEXT_LEN], count[COUNT_TEXT_LEN], waiting[COUNT_TEXT_LEN];

	(void)now_ns;
	text_of(output)->watched = what_is_watched(options);
	text_of(output)->style.netns = start->netns;
	text_of(output)->stacks = options->stack;
	fputs("Watching ", output->file);
	text_put_name(style_of(output), output->file,
		      start->targets ? start->targets : "every process");
	fprintf(output->file, ": %s TCP socket%s found", text_count(start->sockets_found, count),
		start->sockets_found == 1 ? "" : "s");
	if (start->close_wait_found)
		fprintf(output->file, ", %s in CLOSE_WAIT",
			text_count(start->close_wait_found, waiting));
	if (options->close_wait_ns)
		fprintf(output->file, ". Leaks are reported after %s%s.\n",
			duration_format(options->close_wait_ns, duration),
			options->command ? ", and when their process ends" : "");
	else
		fputs(". Every socket that enters CLOSE_WAIT is reported.\n", output->file);
	text_put_mode(output->file, start->features);
}

/* Prints "local <- remote" for a server, "local -> remote" for a client. */
static void put_flow(struct output *output, const struct flow *flow, enum socket_role role,
		     unsigned int state)
{
	char local[ENDPOINT_TEXT_LEN], remote[ENDPOINT_TEXT_LEN];
	FILE *file = output->file;

	flow_format_local(flow, local);
	if (state == TCP_LISTEN)
		fputs(local, file);
	else
		fprintf(file, "%s %s %s", local,
			role == ROLE_SERVER   ? "<-"
			: role == ROLE_CLIENT ? "->"
					      : "--",
			flow_format_remote(flow, remote));
	text_put_netns(style_of(output), file, flow->netns);
}

/* Prints the columns that transitions and accepts have in common. */
static void put_when_and_who(struct output *output, uint64_t time_ns, const char *who)
{
	char time[CLOCK_TIME_LEN];

	fprintf(output->file, "%s  %s%*s  ", clock_format_time(&output->clock, time_ns, time), who,
		text_padding(style_of(output), who, 22), "");
}

static void text_change(struct output *output, const struct change *change)
{
	char duration[DURATION_TEXT_LEN];
	char process[PROCESS_TEXT_LEN], owner[PROCESS_TEXT_LEN + 1];
	const struct text_style *style = style_of(output);
	const char *cause = cause_name(change->cause);
	FILE *file = output->file;
	bool known = change->lifetime_ns != DURATION_UNKNOWN;

	/* The process of the listener is a provisional owner; '?' marks it. */
	snprintf(owner, sizeof(owner), "%s%s", text_process(style, change->owner, process),
		 change->owner_source == OWNER_LISTENER ? "?" : "");
	put_when_and_who(output, change->time_ns, owner);
	fprintf(file, "%11s > %-11s  %7s  ", tcp_state_name(change->from),
		tcp_state_name(change->to),
		known ? duration_format(change->lifetime_ns, duration) : "-");
	put_flow(output, change->flow, change->role,
		 change->to == TCP_LISTEN ? TCP_LISTEN : change->from);
	if (cause)
		fprintf(file, "  %s", cause);
	putc('\n', file);
}

static void text_accepted(struct output *output, const struct accepted *accepted)
{
	char duration[DURATION_TEXT_LEN], process[PROCESS_TEXT_LEN];
	FILE *file = output->file;
	bool known = accepted->wait_ns != DURATION_UNKNOWN;

	put_when_and_who(output, accepted->time_ns,
			 text_process(style_of(output), accepted->process, process));
	fprintf(file, "%25s  %7s  ", "accept",
		known ? duration_format(accepted->wait_ns, duration) : "-");
	put_flow(output, accepted->flow, ROLE_SERVER, TCP_ESTABLISHED);
	putc('\n', file);
}

static void put_age(FILE *file, uint64_t age_ns, bool at_least)
{
	char duration[DURATION_TEXT_LEN];

	if (age_ns == DURATION_UNKNOWN)
		fputs("unknown", file);
	else
		fprintf(file, "%s%s", at_least ? ">= " : "", duration_format(age_ns, duration));
}

/* Prints the descriptors of the process that is named, then those of other holders. */
static void put_holders(struct output *output, const struct leak *leak)
{
	const char *separator = leak->kind == LEAK_UNACCEPTED ? "  listener fd " : "  fd ";
	char process[PROCESS_TEXT_LEN], listener[ENDPOINT_TEXT_LEN];
	size_t shown = 0, others = 0;

	/* The address of the connection does not tell where it was redirected. */
	if (leak->listener && !flow_is_from_listener(leak->flow, leak->listener))
		fprintf(output->file, "  came in by %s",
			flow_format_local(leak->listener, listener));
	if (leak->at_exit)
		fputs("  left when its process ended", output->file);
	else if (leak->kind == LEAK_UNACCEPTED && !leak->listener)
		fputs("  listener unknown", output->file);
	else if (!leak->holder_count)
		fputs("  no descriptor", output->file);
	for (size_t i = 0; i < leak->holder_count && shown < HOLDERS_SHOWN; i++) {
		if (leak->holders[i].process != leak->process)
			continue;
		fprintf(output->file, "%s%u", separator, leak->holders[i].fd);
		separator = ", ";
		shown++;
	}
	separator = "  also ";
	for (size_t i = 0; i < leak->holder_count && others < HOLDERS_SHOWN; i++) {
		if (leak->holders[i].process == leak->process)
			continue;
		fprintf(output->file, "%s%s fd %u", separator,
			text_process(style_of(output), leak->holders[i].process, process),
			leak->holders[i].fd);
		separator = ", ";
		others++;
	}
	if (shown + others < leak->holder_total)
		fprintf(output->file, " and %zu more", leak->holder_total - shown - others);
}

static void text_leak(struct output *output, const struct leak *leak)
{
	struct output_text *text = text_of(output);
	const struct text_style *style = style_of(output);
	char time[CLOCK_TIME_LEN], process[PROCESS_TEXT_LEN];
	FILE *file = output->file;

	fprintf(file, "%s  %sLEAK%s %-10s  %s  ",
		clock_format_time(&output->clock, leak->time_ns, time), text_red(style),
		text_plain(style), leak_kind_name(leak->kind),
		text_process(style, leak->process, process));
	put_flow(output, leak->flow, leak->role, TCP_CLOSE_WAIT);
	fputs("  age ", file);
	put_age(file, leak->age_ns, leak->age_at_least);
	put_holders(output, leak);
	if (leak->recv_queue || leak->send_queue)
		fprintf(file, "  Recv-Q %u Send-Q %u", leak->recv_queue, leak->send_queue);
	if (text->lines)
		text_stack_put_line(file, style, leak);
	else if (text->stacks)
		text_stack_put_site(file, style, leak);
	putc('\n', file);
	if (text->stacks)
		text_stack_put(&text->sites, file, style, leak);
}

static void text_leak_end(struct output *output, const struct leak_end *end)
{
	char time[CLOCK_TIME_LEN], process[PROCESS_TEXT_LEN];
	char local[ENDPOINT_TEXT_LEN], remote[ENDPOINT_TEXT_LEN];
	FILE *file = output->file;

	fprintf(file, "%-15s  END  %-10s  %s  %s -- %s",
		end->time_ns ? clock_format_time(&output->clock, end->time_ns, time) : "-",
		leak_kind_name(end->kind), text_process(style_of(output), end->process, process),
		flow_format_local(end->flow, local), flow_format_remote(end->flow, remote));
	text_put_netns(style_of(output), file, end->flow->netns);
	fputs("  age ", file);
	put_age(file, end->age_ns, end->age_at_least);
	putc('\n', file);
}

static void text_finding(struct output *output, const struct finding *finding)
{
	text_finding_put(output->file, style_of(output), &output->clock, finding);
}

static void put_row(struct output *output, const char *name, const struct histogram *h,
		    bool *header)
{
	const struct text_style *style = style_of(output);
	char text[5][DURATION_TEXT_LEN], count[COUNT_TEXT_LEN], picture[PICTURE_TEXT_LEN];

	if (!h)
		return;
	if (!*header)
		fprintf(output->file, "%s  %-11s %8s %7s %7s %7s %7s %7s  %s%s\n", text_dim(style),
			"STATE", "COUNT", "MIN", "P50", "P90", "P99", "MAX", PICTURE_AXIS,
			text_plain(style));
	*header = true;
	fprintf(output->file, "  %-11s %8s %7s %7s %7s %7s %7s  %s\n", name,
		text_count(h->count, count), duration_format(h->min_ns, text[0]),
		duration_format(histogram_quantile(h, 0.5), text[1]),
		duration_format(histogram_quantile(h, 0.9), text[2]),
		duration_format(histogram_quantile(h, 0.99), text[3]),
		duration_format(h->max_ns, text[4]), text_picture(style, h, picture));
}

static void put_lifetimes(struct output *output, const struct process *process)
{
	bool header = false;

	for (const unsigned char *state = tcp_state_order; *state; state++) {
		if (*state == TCP_ESTABLISHED) /* accept_wait is a part of it, and printed first */
			put_row(output, "accept_wait", process->accept_wait, &header);
		put_row(output, tcp_state_name(*state), process->lifetimes[*state], &header);
	}
}

static const char *put_count(FILE *file, const char *separator, uint64_t number, const char *of)
{
	char count[COUNT_TEXT_LEN];

	if (!number)
		return separator;
	fprintf(file, "%s%s %s", separator, text_count(number, count), of);
	return ", ";
}

static void put_segments(FILE *file, const struct segment_count *count)
{
	const char *separator = "  retransmits: ";

	if (!segment_count_any(count))
		return;
	for (const unsigned char *state = tcp_state_order; *state; state++)
		separator =
			put_count(file, separator, count->repeated[*state], tcp_state_name(*state));
	separator = put_count(file, "  resets: ", count->resets_sent, "sent");
	put_count(file, separator, count->resets_received, "received");
	putc('\n', file);
}

static void put_process(struct output *output, const struct view_process *view)
{
	const struct text_style *style = style_of(output);
	char name[PROCESS_TEXT_LEN], count[COUNT_TEXT_LEN];
	FILE *file = output->file;
	const char *separator = "  open: ";

	fprintf(file, "\n%s%s%s  %s transition%s\n", text_bold(style),
		text_process(style, view->process, name), text_plain(style),
		text_count(view->transitions, count), view->transitions == 1 ? "" : "s");
	put_lifetimes(output, view->process);
	for (const unsigned char *state = tcp_state_order; *state; state++) {
		if (!view->open[*state])
			continue;
		fprintf(file, "%s%s %s", separator, text_count(view->open[*state], count),
			tcp_state_name(*state));
		separator = ", ";
	}
	if (*separator == ',')
		putc('\n', file);
	put_segments(file, &view->process->segments);
}

static void put_group(struct output *output, const struct leak_group *group)
{
	char name[PROCESS_TEXT_LEN], total[COUNT_TEXT_LEN], open[COUNT_TEXT_LEN];
	char left[COUNT_TEXT_LEN];
	FILE *file = output->file;

	fprintf(file, "  %8s %-10s  %s  %s %s", text_count(group->total, total),
		leak_kind_name(group->kind), text_process(style_of(output), group->process, name),
		group->role == ROLE_SERVER ? "listener" : "peer", group->place);
	text_put_netns(style_of(output), file, group->netns);
	fputs(", ", file);
	if (group->open == group->total)
		fputs("all still open, ", file);
	else if (group->open)
		fprintf(file, "%s still open, ", text_count(group->open, open));
	else if (!group->left)
		fputs("all closed since, ", file);
	if (group->left)
		fprintf(file, "%s left at exit, ", text_count(group->left, left));
	fputs("oldest ", file);
	put_age(file, group->oldest_ns, group->oldest_at_least);
	putc('\n', file);
	text_stack_put_group(file, style_of(output), group);
}

static void put_leak_summary(struct output *output, const struct view *view)
{
	const struct text_style *style = style_of(output);
	char total_text[COUNT_TEXT_LEN], open_text[COUNT_TEXT_LEN];
	size_t shown = view->group_count < GROUPS_SHOWN ? view->group_count : GROUPS_SHOWN;
	uint64_t total = 0, open = 0, left = 0;

	for (size_t i = 0; i < view->group_count; i++) {
		total += view->groups[i]->total;
		open += view->groups[i]->open;
		left += view->groups[i]->left;
	}
	if (!total) {
		fputs("\nSUMMARY: no leaks\n", output->file);
		return;
	}
	fprintf(output->file, "\n%sSUMMARY: %s leaked socket%s, %s still open", text_red(style),
		text_count(total, total_text), total == 1 ? "" : "s", text_count(open, open_text));
	if (left)
		fprintf(output->file, ", %s left at exit", text_count(left, open_text));
	fprintf(output->file, "%s\n", text_plain(style));
	for (size_t i = 0; i < shown; i++)
		put_group(output, view->groups[i]);
	if (shown < view->group_count)
		fprintf(output->file, "  and %zu more group%s\n", view->group_count - shown,
			view->group_count - shown == 1 ? "" : "s");
}

static void put_findings(struct output *output, const struct view *view)
{
	char count[COUNT_TEXT_LEN];
	size_t shown =
		view->findings.count < FINDINGS_SHOWN ? view->findings.count : FINDINGS_SHOWN;

	if (!view->findings.count)
		return;
	fprintf(output->file, "\nFINDINGS: %s still open\n",
		text_count(view->findings.count, count));
	for (size_t i = 0; i < shown; i++)
		text_finding_put_open(output->file, style_of(output), &output->clock,
				      &view->findings.open[i]);
	if (shown < view->findings.count)
		fprintf(output->file, "  and %zu more\n", view->findings.count - shown);
}

static void text_summary(struct output *output, const struct view *view)
{
	const struct text_style *style = style_of(output);
	char time[CLOCK_TIME_LEN], duration[DURATION_TEXT_LEN];
	size_t shown =
		view->process_count < PROCESSES_SHOWN ? view->process_count : PROCESSES_SHOWN;

	if (!view->final)
		fprintf(output->file, "\n%s%s  after %s%s\n", text_dim(style),
			clock_format_time(&output->clock, view->now_ns, time),
			duration_format(view->duration_ns, duration), text_plain(style));
	for (size_t i = 0; i < shown; i++)
		put_process(output, &view->processes[i]);
	if (shown < view->process_count)
		fprintf(output->file, "\n%zu more process%s not shown; -j shows all.\n",
			view->process_count - shown,
			view->process_count - shown == 1 ? " is" : "es are");
	if (!view->process_count)
		fputs("\nNo TCP sockets were seen.\n", output->file);
	put_leak_summary(output, view);
	put_findings(output, view);
	if (view->final)
		text_suppressions_put_used(output->file, style, view);
}

/* The events are those of the whole host; the blocks of processes count less where there is a
 * filter. */
static void put_watched(const struct output_text *text, const struct view *view)
{
	char count[COUNT_TEXT_LEN];
	uint64_t transitions = 0;

	if (!text->watched)
		return;
	for (size_t i = 0; i < view->process_count; i++)
		transitions += view->processes[i].transitions;
	fprintf(text->base.file, ", %s transition%s of watched %s", text_count(transitions, count),
		transitions == 1 ? "" : "s", text->watched);
}

static void text_end(struct output *output, const struct view *view)
{
	char seen[COUNT_TEXT_LEN], lost[COUNT_TEXT_LEN], duration[DURATION_TEXT_LEN];
	const struct ledger *ledger = &view->ledger;
	const char *separator = " (";

	fprintf(output->file, "%s event%s in %s", text_count(ledger->seen, seen),
		ledger->seen == 1 ? "" : "s", duration_format(view->duration_ns, duration));
	put_watched(text_of(output), view);
	fprintf(output->file, ", %s lost", text_count(ledger_lost(ledger), lost));
	for (int reason = 0; reason < LOST_REASONS; reason++) {
		if (!ledger->lost[reason])
			continue;
		fprintf(output->file, "%s%s %s", separator, lost_reason_name(reason),
			text_count(ledger->lost[reason], lost));
		separator = ", ";
	}
	fputs(ledger_lost(ledger) ? ")\n" : "\n", output->file);
	text_suppressions_put_made(output->file, style_of(output), view);
}

static void text_free(struct output *output)
{
	free(output);
}

static const struct output_ops ops = {
	.start = text_start,
	.change = text_change,
	.accepted = text_accepted,
	.leak = text_leak,
	.leak_end = text_leak_end,
	.finding = text_finding,
	.summary = text_summary,
	.end = text_end,
	.free = text_free,
};

struct output *output_text_new(FILE *file)
{
	struct output_text *output = calloc(1, sizeof(*output));

	if (!output)
		return NULL;
	output->base.ops = &ops;
	output->base.file = file;
	output->style = text_style_of(file);
	return &output->base;
}

struct output *output_lines_new(FILE *file)
{
	struct output *output = output_text_new(file);

	if (output)
		text_of(output)->lines = true;
	return output;
}

void output_text_set_netns(struct output *text, uint32_t netns)
{
	text_of(text)->style.netns = netns;
}
