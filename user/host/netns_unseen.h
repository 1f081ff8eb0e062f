/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NETNS_UNSEEN_H
#define TCPWATCH_NETNS_UNSEEN_H

#include "host/netns.h"

/*
 * Which network namespaces cannot be entered, over several scans. Processes end while a scan runs,
 * and a namespace with them: their sockets were found then, but nothing leads into the namespace
 * any more. So one is worth a message only if it was missed in two scans in a row, with the same
 * process: inode numbers are used again at once. All zero is an empty one.
 */
struct netns_unseen {
	struct netns_list before, now, told;
};

/* This scan has missed it; of its processes the first one counts. Returns whether to say so: the
 * scan before has missed it as well, and it was not said yet. */
bool netns_unseen_note(struct netns_unseen *unseen, const struct netns *netns);

/* The scan is over. */
void netns_unseen_next(struct netns_unseen *unseen);

void netns_unseen_clear(struct netns_unseen *unseen);

#endif
