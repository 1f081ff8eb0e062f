// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/completeness.h"

#define LATELY_NS (COMPLETENESS_LATELY_MIN * 60 * NS_PER_S)

static struct losses losses_of(const struct ledger *ledger)
{
	uint64_t all = ledger_lost(ledger) - ledger->aside;

	return (struct losses){.all = all, .unknown = all - ledger->interrupts};
}

static void begin_gap(struct completeness *completeness)
{
	completeness->gap.from_ns = completeness->looked_ns;
	completeness->gap.before = completeness->looked;
	if (!completeness->first_ns)
		completeness->first_ns = completeness->looked_ns;
}

void completeness_note(struct completeness *completeness, const struct ledger *ledger,
		       uint64_t before_ns, uint64_t after_ns)
{
	struct losses losses = losses_of(ledger);

	if (completeness->looked_ns && losses.all != completeness->looked.all) {
		if (!completeness->gap.from_ns)
			begin_gap(completeness);
		if (completeness->follows && losses.unknown != completeness->looked.unknown)
			completeness->doubt_ns = after_ns;
		completeness->grew_ns = after_ns;
	}
	completeness->looked = losses;
	completeness->looked_ns = before_ns;
}

void completeness_scan_begins(struct completeness *completeness, uint64_t now_ns)
{
	completeness->scan.from_ns = completeness->looked_ns;
	completeness->scan.before = completeness->looked;
	completeness->scan.settled = now_ns >= completeness->grew_ns + COMPLETENESS_SETTLED_NS;
}

/* Whether a leak may have left no trace in the open gap: all of its records were lost, so it began
 * after the gap did, and ended before the last loss. */
static bool hides_leaks(const struct completeness *completeness)
{
	uint64_t lost = completeness->looked.all - completeness->gap.before.all;

	if (!completeness->gap.from_ns ||
	    completeness->grew_ns - completeness->gap.from_ns < completeness->threshold_ns)
		return false;
	return lost >= COMPLETENESS_TRACELESS ||
	       completeness->threshold_ns <= COMPLETENESS_SETTLED_NS;
}

bool completeness_scanned(struct completeness *completeness, uint64_t ended_ns)
{
	uint64_t length_ns;

	if (!completeness->gap.from_ns)
		return false;
	length_ns = ended_ns - completeness->gap.from_ns;
	if (completeness->longest_ns < length_ns)
		completeness->longest_ns = length_ns;
	if (hides_leaks(completeness))
		completeness->doubt_ns = ended_ns;
	if (!completeness->scan.settled)
		return true;
	if (completeness->looked.all != completeness->scan.before.all) { /* during the scan */
		completeness->gap.from_ns = completeness->scan.from_ns;
		completeness->gap.before = completeness->scan.before;
		return true;
	}
	completeness->gap.from_ns = 0;
	return false;
}

void completeness_doubt(struct completeness *completeness, uint64_t after_ns, uint64_t since_ns,
			uint64_t until_ns, uint64_t least_ns)
{
	uint64_t open_ns =
		completeness->gap.from_ns ? completeness->gap.from_ns : completeness->looked_ns;
	uint64_t before_ns = completeness->longest_ns;

	if (!completeness->first_ns || since_ns < completeness->first_ns)
		return;
	if (since_ns > open_ns && before_ns < since_ns - open_ns)
		before_ns = since_ns - open_ns;
	since_ns = since_ns > before_ns ? since_ns - before_ns : 0;
	if (since_ns < completeness->first_ns)
		since_ns = completeness->first_ns;
	if (since_ns < after_ns)
		since_ns = after_ns;
	if (until_ns >= since_ns && until_ns - since_ns >= least_ns)
		completeness->doubt_ns = until_ns;
}

bool completeness_lacks(const struct completeness *completeness)
{
	return completeness->unscanned || completeness->discarded || completeness->doubt_ns ||
	       hides_leaks(completeness);
}

bool completeness_lacks_lately(const struct completeness *completeness, uint64_t now_ns)
{
	return hides_leaks(completeness) ||
	       (completeness->doubt_ns && now_ns - completeness->doubt_ns < LATELY_NS);
}
