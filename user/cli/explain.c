// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/explain.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "model/tcp_state.h"

struct explain_page {
	const char *id;
	bool is_state;
	const char *wrong; /* what is wrong, or what the state means, in one line */
	const char *text;
};

/* From docs/findings.md and docs/tcp-states.md. */
#include "explain_pages.h"

#define PAGES (sizeof(pages) / sizeof(*pages))

/* Returns the next character besides - and _, so that FIN-WAIT-2, as ss writes it, is FIN_WAIT2. */
static char next_letter(const char **text)
{
	while (**text == '-' || **text == '_')
		(*text)++;
	if (!**text)
		return '\0';
	return *(*text)++;
}

enum likeness { DIFFERENT, BEGINNING, SAME };

static enum likeness compare(const char *given, const char *id)
{
	char one[2] = {0}, other[2] = {0};

	for (;;) {
		one[0] = next_letter(&given);
		other[0] = next_letter(&id);
		if (!one[0])
			return other[0] ? BEGINNING : SAME;
		if (strcasecmp(one, other))
			return DIFFERENT;
	}
}

static const struct explain_page *find_page(const char *id)
{
	const struct explain_page *begins = NULL;
	size_t count = 0;

	if (!next_letter(&(const char *){id}))
		return NULL;
	for (size_t i = 0; i < PAGES; i++) {
		enum likeness likeness = compare(id, pages[i].id);

		if (likeness == SAME)
			return &pages[i];
		if (likeness == BEGINNING) {
			begins = &pages[i];
			count++;
		}
	}
	return count == 1 ? begins : NULL;
}

static void print_way(FILE *file, const struct tcp_transition *way, unsigned int other)
{
	fprintf(file, "  %-11s  %-7s  %s", tcp_state_name(other),
		way->by == BY_ANY ? "" : tcp_transition_by_name(way->by), way->what);
	if (*way->sent)
		fprintf(file, "; %s sent", way->sent);
	fputs(way->is_mini ? " *\n" : "\n", file);
}

/* The picture in the documentation is drawn from the same table. */
static void print_ways(FILE *file, unsigned int state, bool in)
{
	fprintf(file, "\nWays %s:\n", in ? "in, from" : "out, to");
	for (size_t i = 0; i < tcp_transition_count; i++) {
		const struct tcp_transition *way = &tcp_transitions[i];

		if (way->from != way->to && (in ? way->to : way->from) == state)
			print_way(file, way, in ? way->from : way->to);
	}
}

static bool has_mini_way(unsigned int state)
{
	for (size_t i = 0; i < tcp_transition_count; i++)
		if (tcp_transitions[i].is_mini &&
		    (tcp_transitions[i].from == state || tcp_transitions[i].to == state))
			return true;
	return false;
}

static void print_state(FILE *file, const char *name)
{
	unsigned int state = TCP_ESTABLISHED;

	while (state < TCP_CLOSING && strcmp(tcp_state_name(state), name))
		state++;
	print_ways(file, state, true);
	print_ways(file, state, false);
	if (has_mini_way(state))
		fputs("\n* Seen in mode full. In mode tracepoints the socket is closed already.\n",
		      file);
}

static void print_list(FILE *file)
{
	for (size_t i = 0; i < PAGES; i++) {
		if (!i || pages[i].is_state != pages[i - 1].is_state)
			fprintf(file, "%s%s\n", i ? "\n" : "",
				pages[i].is_state ? "States:" : "Findings:");
		fprintf(file, "  %-15s  %s\n", pages[i].id, pages[i].wrong);
	}
}

int explain_print(FILE *file, const char *id)
{
	const struct explain_page *page;

	if (!strcasecmp(id, "list") || !strcasecmp(id, "help")) {
		print_list(file);
	} else {
		page = find_page(id);
		if (!page)
			return -ENOENT;
		fprintf(file, "%s: %s\n%s", page->id, page->wrong, page->text);
		if (page->is_state)
			print_state(file, page->id);
	}
	return fflush(file) ? -EIO : 0;
}

void explain_ids(char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < PAGES && length < size; i++) {
		const char *before = " ";

		if (!i || pages[i].is_state != pages[i - 1].is_state)
			before = pages[i].is_state ? "\nStates: " : "Findings: ";
		length +=
			(size_t)snprintf(text + length, size - length, "%s%s", before, pages[i].id);
	}
}
