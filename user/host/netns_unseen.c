// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/netns_unseen.h"

#include <string.h>

static bool was_missed(const struct netns_list *before, const struct netns *netns)
{
	for (size_t i = 0; i < before->count; i++)
		if (before->items[i].inode == netns->inode && before->items[i].pid == netns->pid)
			return true;
	return false;
}

bool netns_unseen_note(struct netns_unseen *unseen, const struct netns *netns)
{
	if (netns_list_has(&unseen->told, netns->inode))
		return false;
	if (!was_missed(&unseen->before, netns)) {
		netns_list_learn(&unseen->now, netns);
		return false;
	}
	/* Without memory it is said again. */
	netns_list_add(&unseen->told, netns);
	return true;
}

void netns_unseen_next(struct netns_unseen *unseen)
{
	netns_list_clear(&unseen->before);
	unseen->before = unseen->now;
	memset(&unseen->now, 0, sizeof(unseen->now));
}

void netns_unseen_clear(struct netns_unseen *unseen)
{
	netns_list_clear(&unseen->before);
	netns_list_clear(&unseen->now);
	netns_list_clear(&unseen->told);
}
