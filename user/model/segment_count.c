// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/segment_count.h"

void segment_count_add(struct segment_count *to, const struct segment_count *from)
{
	for (int i = 0; i < TCP_STATES; i++)
		to->repeated[i] += from->repeated[i];
	to->resets_sent += from->resets_sent;
	to->resets_received += from->resets_received;
}

uint64_t segment_count_repeated(const struct segment_count *count)
{
	uint64_t sum = 0;

	for (int i = 0; i < TCP_STATES; i++)
		sum += count->repeated[i];
	return sum;
}

bool segment_count_any(const struct segment_count *count)
{
	return count->resets_sent || count->resets_received || segment_count_repeated(count);
}
