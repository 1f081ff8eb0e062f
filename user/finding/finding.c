// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/finding.h"

#include <stdio.h>
#include <string.h>

/* Returns a new piece of evidence, or one that is ignored if the finding has no room left. */
static struct evidence *add(struct finding *finding, const char *name, enum evidence_unit unit)
{
	static struct evidence left_out;
	struct evidence *evidence = finding->evidence_count < FINDING_EVIDENCE
					    ? &finding->evidence[finding->evidence_count++]
					    : &left_out;

	*evidence = (struct evidence){.name = name, .unit = unit};
	return evidence;
}

void finding_count(struct finding *finding, const char *name, uint64_t count)
{
	add(finding, name, EVIDENCE_COUNT)->count = count;
}

void finding_bytes(struct finding *finding, const char *name, uint64_t bytes)
{
	add(finding, name, EVIDENCE_BYTES)->count = bytes;
}

void finding_duration(struct finding *finding, const char *name, uint64_t ns, bool at_least)
{
	struct evidence *evidence = add(finding, name, EVIDENCE_DURATION);

	evidence->count = ns;
	evidence->at_least = at_least;
}

void finding_rate(struct finding *finding, const char *name, enum evidence_unit unit, double rate)
{
	add(finding, name, unit)->rate = rate;
}

void finding_flag(struct finding *finding, const char *name, bool flag)
{
	add(finding, name, EVIDENCE_FLAG)->count = flag;
}

void finding_text(struct finding *finding, const char *name, const char *text)
{
	snprintf(add(finding, name, EVIDENCE_TEXT)->text, EVIDENCE_TEXT_LEN, "%s", text);
}

const struct evidence *finding_evidence(const struct finding *finding, const char *name)
{
	for (unsigned int i = 0; i < finding->evidence_count; i++)
		if (!strcmp(finding->evidence[i].name, name))
			return &finding->evidence[i];
	return NULL;
}

/* Turns "10.0.0.1:0" into "10.0.0.1". */
static const char *without_port(char text[ENDPOINT_TEXT_LEN])
{
	char *port = strrchr(text, ':');

	if (port)
		*port = '\0';
	return text;
}

const char *finding_format_place(const struct finding *finding, char text[FINDING_PLACE_LEN])
{
	char local[ENDPOINT_TEXT_LEN], remote[ENDPOINT_TEXT_LEN];

	flow_format_local(&finding->flow, local);
	flow_format_remote(&finding->flow, remote);
	if (!finding->flow.remote_port)
		without_port(remote);
	text[0] = '\0';
	if (finding->place == PLACE_LOCAL)
		snprintf(text, FINDING_PLACE_LEN, "%s", local);
	else if (finding->place == PLACE_REMOTE)
		snprintf(text, FINDING_PLACE_LEN, "%s", remote);
	else if (finding->place == PLACE_PAIR)
		snprintf(text, FINDING_PLACE_LEN, "%s -> %s", without_port(local),
			 finding->flow.remote_port ? remote : "*");
	return text;
}
