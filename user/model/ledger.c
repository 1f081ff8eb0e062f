// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/ledger.h"

static const char *const names[] = {
	[LOST_RING_FULL] = "ring_full",
	[LOST_RECURSION] = "recursion",
	[LOST_MALFORMED] = "malformed",
};

_Static_assert(sizeof(names) / sizeof(*names) == LOST_REASONS, "a name for every reason");

const char *lost_reason_name(enum lost_reason reason)
{
	return names[reason];
}

uint64_t ledger_lost(const struct ledger *ledger)
{
	uint64_t sum = 0;

	for (int i = 0; i < LOST_REASONS; i++)
		sum += ledger->lost[i];
	return sum;
}
