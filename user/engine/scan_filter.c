// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/scan_filter.h"

const struct scan_request scan_everything = {
	.states = SCAN_ALL_STATES,
	.mini_states = SCAN_ALL_STATES,
	.descriptors = true,
	.all_tables = true,
};
const struct scan_request scan_all_minis = {
	.mini_states = SCAN_ALL_STATES,
	.all_tables = true,
};
const struct scan_request scan_held = {.states = SCAN_LEAK_STATES, .descriptors = true};

static bool is_wanted_for_leaks(void *context, const struct event_scan *record)
{
	return leak_watch_wants(context, record);
}

/* finding/accept_stall.c asks for connections that wait for accept(); the kernel shows the others
 * as well. */
static bool is_wanted_for_findings(void *context, const struct event_scan *record)
{
	(void)context;
	return record->header.kind != EVENT_SCAN_SOCKET ||
	       (record->state != TCP_ESTABLISHED && record->state != TCP_CLOSE_WAIT) ||
	       event_scan_is_unaccepted(record);
}

void scan_filter_set(struct scan_job *job, struct leak_watch *leaks)
{
	job->context = leaks;
	if (job->purpose == SCAN_LEAKS)
		job->wanted = is_wanted_for_leaks;
	else if (job->purpose == SCAN_FINDINGS)
		job->wanted = is_wanted_for_findings;
}
