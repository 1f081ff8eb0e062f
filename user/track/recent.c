// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/recent.h"

static bool is_within(const struct recent_flow *item, uint64_t time_ns, uint64_t within_ns)
{
	return item->time_ns && item->time_ns <= time_ns && time_ns - item->time_ns <= within_ns;
}

void recent_add_connect(struct recent *recent, const struct flow *flow, uint64_t time_ns)
{
	recent->connects[recent->next_connect++ % RECENT_SLOTS] =
		(struct recent_flow){.flow = *flow, .time_ns = time_ns};
}

bool recent_connected(const struct recent *recent, const struct flow *flow, uint64_t time_ns,
		      uint64_t within_ns)
{
	for (unsigned int i = 0; i < RECENT_SLOTS; i++) {
		const struct recent_flow *connect = &recent->connects[i];

		if (is_within(connect, time_ns, within_ns) &&
		    flow_same_but_port(&connect->flow, flow) &&
		    (!connect->flow.local_port || connect->flow.local_port == flow->local_port))
			return true;
	}
	return false;
}

void recent_add_completion(struct recent *recent, const struct flow *flow, uint64_t time_ns,
			   uint64_t age_ns)
{
	recent->completions[recent->next_completion++ % RECENT_SLOTS] =
		(struct recent_flow){.flow = *flow, .time_ns = time_ns, .age_ns = age_ns};
}

bool recent_take_completion(struct recent *recent, const struct flow *flow, uint64_t time_ns,
			    uint64_t within_ns, uint64_t *age_ns)
{
	for (unsigned int i = 0; i < RECENT_SLOTS; i++) {
		struct recent_flow *completion = &recent->completions[i];

		if (!is_within(completion, time_ns, within_ns) ||
		    completion->flow.local_port != flow->local_port ||
		    !flow_same_but_port(&completion->flow, flow))
			continue;
		*age_ns = completion->age_ns;
		completion->time_ns = 0;
		return true;
	}
	return false;
}

void recent_add_fin(struct recent *recent, uint64_t cookie, uint64_t time_ns)
{
	recent->fins[recent->next_fin++ % RECENT_SLOTS] =
		(struct recent_fin){.cookie = cookie, .time_ns = time_ns};
}

bool recent_take_fin(struct recent *recent, uint64_t cookie, uint64_t *time_ns)
{
	for (unsigned int i = 0; i < RECENT_SLOTS; i++) {
		struct recent_fin *fin = &recent->fins[i];

		if (fin->cookie != cookie)
			continue;
		*time_ns = fin->time_ns;
		fin->cookie = 0;
		return true;
	}
	return false;
}
