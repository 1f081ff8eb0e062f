// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/text_leak.h"

#include "base/units.h"

#define HOLDERS_SHOWN 4

void text_put_age(FILE *file, uint64_t age_ns, bool at_least)
{
	char duration[DURATION_TEXT_LEN];

	if (age_ns == DURATION_UNKNOWN)
		fputs("unknown", file);
	else
		fprintf(file, "%s%s", at_least ? ">= " : "", duration_format(age_ns, duration));
}

static void put_fd(FILE *file, const struct leak_holder *holder)
{
	fprintf(file, "%u", holder->fd);
	if (holder->tid)
		fprintf(file, " of thread %u", holder->tid);
}

/* Prints the descriptors of the process that is named, then those of other holders. */
static void put_holders(FILE *file, const struct text_style *style, const struct leak *leak)
{
	const char *separator = leak->kind == LEAK_UNACCEPTED ? "  listener fd " : "  fd ";
	char process[PROCESS_TEXT_LEN], listener[ENDPOINT_TEXT_LEN];
	size_t shown = 0, others = 0;

	/* The address of the connection does not tell where it was redirected. */
	if (leak->listener && !flow_is_from_listener(leak->flow, leak->listener))
		fprintf(file, "  came in by %s", flow_format_local(leak->listener, listener));
	if (leak->at_exit)
		fputs("  left when its process ended", file);
	else if (leak->kind == LEAK_UNACCEPTED && !leak->listener)
		fputs("  listener unknown", file);
	else if (!leak->holder_count)
		fputs("  no descriptor", file);
	for (size_t i = 0; i < leak->holder_count && shown < HOLDERS_SHOWN; i++) {
		if (leak->holders[i].process != leak->process)
			continue;
		fputs(separator, file);
		put_fd(file, &leak->holders[i]);
		separator = ", ";
		shown++;
	}
	separator = "  also ";
	for (size_t i = 0; i < leak->holder_count && others < HOLDERS_SHOWN; i++) {
		if (leak->holders[i].process == leak->process)
			continue;
		fprintf(file, "%s%s fd ", separator,
			text_process(style, leak->holders[i].process, process));
		put_fd(file, &leak->holders[i]);
		separator = ", ";
		others++;
	}
	if (shown + others < leak->holder_total)
		fprintf(file, " and %zu more", leak->holder_total - shown - others);
}

/* What was sent after the end of the stream was taken: an answer may still come. */
static void put_sent(FILE *file, const struct leak *leak)
{
	char duration[DURATION_TEXT_LEN];

	if (leak->kind != LEAK_UNCLOSED)
		return;
	if (leak->sent == LEAK_SENT_NOTHING)
		fputs("  eof taken, nothing sent since", file);
	else if (leak->sent == LEAK_SENT_SOME && leak->sent_ago_ns)
		fprintf(file, "  eof taken, last sent %s ago",
			duration_format(leak->sent_ago_ns, duration));
}

void text_leak_put_facts(FILE *file, const struct text_style *style, const struct leak *leak)
{
	fputs("  age ", file);
	text_put_age(file, leak->age_ns, leak->age_at_least);
	put_sent(file, leak);
	put_holders(file, style, leak);
	if (leak->recv_queue || leak->send_queue)
		fprintf(file, "  Recv-Q %u Send-Q %u", leak->recv_queue, leak->send_queue);
}
