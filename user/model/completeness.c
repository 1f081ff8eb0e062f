// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/completeness.h"

#include "base/units.h"

#define WINDOW_NS (1 * NS_PER_S)
#define LATELY_NS (COMPLETENESS_LATELY_MIN * 60 * NS_PER_S)

/* Whether one part in `share` of the records between two ledgers was lost. */
static bool too_many(const struct ledger *from, const struct ledger *to, uint64_t share)
{
	uint64_t lost = ledger_lost(to) - ledger_lost(from);

	return lost >= COMPLETENESS_LOST && lost >= (to->seen - from->seen) / share;
}

void completeness_note(struct completeness *completeness, const struct ledger *ledger,
		       uint64_t now_ns)
{
	if (completeness->window_ns && now_ns - completeness->window_ns < WINDOW_NS)
		return;
	if (completeness->window_ns && too_many(&completeness->window, ledger, COMPLETENESS_BURST))
		completeness->burst_ns = now_ns;
	completeness->window_ns = now_ns;
	completeness->window = *ledger;
}

bool completeness_lacks(const struct completeness *completeness, const struct ledger *ledger)
{
	static const struct ledger none;

	return completeness->unscanned || completeness->burst_ns ||
	       too_many(&completeness->window, ledger, COMPLETENESS_BURST) ||
	       too_many(&none, ledger, COMPLETENESS_SHARE);
}

bool completeness_lacks_lately(const struct completeness *completeness, const struct ledger *ledger,
			       uint64_t now_ns)
{
	return too_many(&completeness->window, ledger, COMPLETENESS_BURST) ||
	       (completeness->burst_ns && now_ns - completeness->burst_ns < LATELY_NS);
}
