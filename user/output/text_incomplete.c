// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/text_incomplete.h"

#include "output/text_style.h"

void text_incomplete_put(FILE *file, const struct view *view)
{
	const struct ledger *ledger = &view->ledger;
	char lost[COUNT_TEXT_LEN], seen[COUNT_TEXT_LEN];

	if (!view->incomplete)
		return;
	if (view->unscanned) {
		fputs("  The last scan failed: sockets that are still open were not judged.\n",
		      file);
		return;
	}
	fprintf(file, "  %s of %s events were lost: what leaked and was closed may be missing.%s\n",
		text_count(ledger_lost(ledger), lost), text_count(ledger->seen, seen),
		ledger->lost[LOST_RING_FULL] ? " Increase --ring-size." : "");
}
