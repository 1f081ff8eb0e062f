// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/look.h"

#include <errno.h>

#include "base/units.h"

#define SETTINGS_KEPT (30 * NS_PER_S)

int finding_look_init(struct finding_look *look, struct tracker *tracker, struct leak_watch *leaks,
		      struct source *source, uint64_t now_ns)
{
	*look = (struct finding_look){
		.now_ns = now_ns,
		.tracker = tracker,
		.leaks = leaks,
		.source = source,
		.subjects = subjects_new(),
		.ports = port_use_new(),
		.peers = peer_use_new(),
		.pairs = finding_pairs_new(),
	};
	if (!look->subjects || !look->ports || !look->peers || !look->pairs)
		return -ENOMEM;
	subjects_begin(look->subjects, now_ns);
	return 0;
}

void finding_look_clear(struct finding_look *look)
{
	subjects_free(look->subjects);
	port_use_free(look->ports);
	peer_use_free(look->peers);
	finding_pairs_free(look->pairs);
}

/* The slot of this namespace, or else the one whose settings are oldest, emptied. */
static struct known_settings *settings_slot(struct finding_look *look, uint32_t netns)
{
	struct known_settings *oldest = look->settings;

	for (size_t i = 0; i < SETTINGS_LIMIT; i++) {
		struct known_settings *known = &look->settings[i];

		if (known->read_ns && known->netns == netns)
			return known;
		if (known->read_ns < oldest->read_ns)
			oldest = known;
	}
	*oldest = (struct known_settings){.netns = netns};
	return oldest;
}

const struct net_settings *finding_look_settings(struct finding_look *look, uint32_t netns)
{
	struct known_settings *known = settings_slot(look, netns);

	if (!known->read_ns || known->read_ns + SETTINGS_KEPT < look->now_ns) {
		known->valid = !look->source->ops->settings(look->source, netns, &known->settings);
		known->read_ns = look->now_ns;
	}
	return known->valid ? &known->settings : NULL;
}

uint64_t finding_look_descriptors(const struct finding_look *look, const struct process *process)
{
	uint64_t limit;

	if (!process || !process->tgid ||
	    look->source->ops->descriptor_limit(look->source, process->tgid, &limit))
		return 0;
	return limit;
}

struct process *finding_look_owner(const struct finding_look *look, const struct process *owner)
{
	/* Rules see the tracker's processes as const; the table's own pointer is not. Exited ones
	 * that were folded together are no subject of a finding. */
	struct process *process = process_table_or_unknown(
		look->tracker->processes, owner && owner->tgid ? (struct process *)owner : NULL);

	return process->watched ? process : NULL;
}

const struct tcp_socket *finding_look_socket(const struct finding_look *look,
					     const struct event_scan *record)
{
	const struct tcp_socket *socket = socket_table_find(look->tracker->sockets, record->cookie);

	if (!socket || socket->hidden || !finding_look_owner(look, socket->owner))
		return NULL;
	return socket;
}
