// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/pace.h"

#include "base/journal.h"
#include "base/units.h"

/* A burst, or a stop of the whole host, is caught up with in less. */
#define BEHIND_SAID_NS (1 * NS_PER_S)
/* As long without being behind is the end of it. */
#define CAUGHT_UP_NS (10 * NS_PER_S)

void pace_note(struct pace *pace, bool behind, uint64_t now_ns)
{
	char duration[DURATION_TEXT_LEN];

	if (behind) {
		pace->behind_ns = now_ns;
		if (!pace->behind_since_ns)
			pace->behind_since_ns = now_ns;
	} else {
		pace->behind_since_ns = 0;
	}
	if (behind && !pace->said_since_ns && now_ns - pace->behind_since_ns >= BEHIND_SAID_NS) {
		pace->said_since_ns = pace->behind_since_ns;
		journal_say(SD_WARNING, "behind: events come faster than they are taken in; those "
					"that find no room are counted as lost (ring_full). Give "
					"tcpwatch more CPU time");
	} else if (pace->said_since_ns && now_ns - pace->behind_ns >= CAUGHT_UP_NS) {
		journal_say(SD_NOTICE, "no longer behind: that lasted %s",
			    duration_format(pace->behind_ns - pace->said_since_ns, duration));
		pace->said_since_ns = 0;
	}
}
