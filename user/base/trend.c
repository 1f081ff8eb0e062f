// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/trend.h"

/* The slot of the value that was added `back` values before the latest one. */
static unsigned int at(const struct trend *trend, unsigned int back)
{
	return (trend->next + TREND_VALUES - 1 - back) % TREND_VALUES;
}

void trend_add(struct trend *trend, uint64_t time_ns, uint64_t value)
{
	unsigned int slot = trend->next;

	/* The latest value is replaced where it is too near to the one before it. */
	if (trend->count > 1 && trend->values[at(trend, 0)].time_ns <
					trend->values[at(trend, 1)].time_ns + TREND_STEP_NS) {
		slot = at(trend, 0);
	} else {
		trend->next = (trend->next + 1) % TREND_VALUES;
		if (trend->count < TREND_VALUES)
			trend->count++;
	}
	trend->values[slot].time_ns = time_ns;
	trend->values[slot].value = value;
}

double trend_per_second(const struct trend *trend, uint64_t within_ns, uint64_t *over_ns)
{
	unsigned int last = at(trend, 0), first = last;
	uint64_t ns;

	for (unsigned int back = 1; back < trend->count; back++) {
		if (trend->values[at(trend, back)].time_ns + within_ns <
		    trend->values[last].time_ns)
			break;
		first = at(trend, back);
	}
	ns = trend->count ? trend->values[last].time_ns - trend->values[first].time_ns : 0;
	if (over_ns)
		*over_ns = ns;
	if (!ns)
		return 0;
	return ((double)trend->values[last].value - (double)trend->values[first].value) * 1e9 /
	       (double)ns;
}

bool trend_stayed(const struct trend *trend, uint64_t within_ns, uint64_t least)
{
	uint64_t last_ns = trend->count ? trend->values[at(trend, 0)].time_ns : 0;

	for (unsigned int back = 0; back < trend->count; back++) {
		unsigned int slot = at(trend, back);

		if (trend->values[slot].value < least)
			return false;
		if (trend->values[slot].time_ns + within_ns <= last_ns)
			return true;
	}
	return false;
}
