// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/peer_use.h"

#include <stdlib.h>
#include <string.h>

#include "track/socket_table.h"

/* The table is a hash table of SETS sets, each with WAYS entries. */
#define SETS 256
#define WAYS 4

/* Where a set is full, a peer replaces another one when it is opened so often. */
#define OPENS	 8
#define SKETCHES 4096

/* What is known of a peer without an entry; most peers have a place of their own. */
struct sketch {
	uint32_t hash; /* of the peer */
	uint16_t opens;
	uint16_t slot; /* the number of the last slot, low bits */
};

struct peer_use {
	struct peer *last; /* the last one that was returned: it is usually the next one too */
	uint32_t hashes[SETS * WAYS]; /* of the peers: others are told apart without reading them */
	struct sketch sketches[SKETCHES];
	struct peer peers[SETS * WAYS];
};

struct peer_use *peer_use_new(void)
{
	struct peer_use *use = calloc(1, sizeof(*use));

	if (use)
		use->last = use->peers;
	return use;
}

void peer_use_free(struct peer_use *use)
{
	free(use);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

static uint32_t hash_of(const struct process *process, const struct flow *flow)
{
	uint64_t halves[2], hash;

	memcpy(halves, flow->remote, sizeof(halves));
	hash = mix(process->tgid, process->start_ns);
	hash = mix(hash, halves[0]);
	hash = mix(hash, halves[1]);
	return (uint32_t)mix(hash, (uint64_t)flow->netns << 16 | flow->remote_port);
}

static size_t set_of(uint32_t hash)
{
	return (size_t)hash % SETS * WAYS;
}

static bool is_it(const struct peer *peer, const struct process *process, const struct flow *flow)
{
	return peer->tgid == process->tgid && peer->start_ns == process->start_ns &&
	       peer->flow.remote_port == flow->remote_port && peer->flow.netns == flow->netns &&
	       peer->flow.family == flow->family &&
	       !memcmp(peer->flow.remote, flow->remote, sizeof(flow->remote));
}

/* NULL if the set does not have it. */
static struct peer *find_in(struct peer_use *use, uint32_t hash, const struct process *process,
			    const struct flow *flow)
{
	size_t set = set_of(hash);

	for (size_t i = set; i < set + WAYS; i++)
		if (use->hashes[i] == hash && is_it(&use->peers[i], process, flow))
			return use->last = &use->peers[i];
	return NULL;
}

struct peer *peer_use_find(struct peer_use *use, const struct process *process,
			   const struct flow *flow)
{
	if (!process->tgid)
		return NULL;
	if (is_it(use->last, process, flow))
		return use->last;
	return find_in(use, hash_of(process, flow), process, flow);
}

/* Counts it as opened. Returns whether it is opened often. A peer that shares a place with others
 * keeps it if it is opened more often than they are. */
static bool is_often(struct peer_use *use, uint32_t hash, uint64_t slot)
{
	struct sketch *sketch = &use->sketches[(hash >> 8) % SKETCHES];
	bool old = (uint16_t)(slot - sketch->slot) > PEER_SLOTS;

	if (sketch->hash == hash && !old) {
		sketch->slot = (uint16_t)slot;
		return ++sketch->opens >= OPENS;
	}
	if (old || sketch->opens <= 1)
		*sketch = (struct sketch){.hash = hash, .opens = 1, .slot = (uint16_t)slot};
	else
		sketch->opens--;
	return false;
}

/* The place for a new peer in its set: a free one, or else that of the peer that has been idle for
 * longest, if the new one is opened often; else NULL. */
static struct peer *place_for(struct peer_use *use, uint32_t hash, uint64_t slot)
{
	size_t set = set_of(hash);
	struct peer *idle = &use->peers[set];

	for (size_t i = set; i < set + WAYS; i++)
		if (!use->hashes[i] && !use->peers[i].tgid)
			return &use->peers[i];
	if (!is_often(use, hash, slot))
		return NULL;
	for (struct peer *peer = idle + 1; peer < &use->peers[set + WAYS]; peer++)
		if (peer->last_ns < idle->last_ns)
			idle = peer;
	return idle;
}

static struct peer *get(struct peer_use *use, const struct process *process,
			const struct flow *flow, uint64_t slot)
{
	struct peer *peer;
	uint32_t hash;

	if (!process->tgid)
		return NULL;
	if (is_it(use->last, process, flow))
		return use->last;
	hash = hash_of(process, flow);
	peer = find_in(use, hash, process, flow);
	if (peer)
		return peer;
	peer = place_for(use, hash, slot);
	if (!peer)
		return NULL;
	*peer = (struct peer){
		.tgid = process->tgid, .start_ns = process->start_ns, .slot = slot, .flow = *flow};
	memset(peer->flow.local, 0, sizeof(peer->flow.local));
	peer->flow.local_port = 0;
	use->hashes[peer - use->peers] = hash;
	return peer;
}

static struct peer_slot *slot_of(struct peer *peer, uint64_t slot)
{
	if (slot > peer->slot + PEER_SLOTS)
		peer->slot = slot - PEER_SLOTS;
	while (peer->slot < slot) {
		peer->slot++;
		peer->slots[peer->slot % PEER_SLOTS] = (struct peer_slot){.most = peer->open};
	}
	return &peer->slots[peer->slot % PEER_SLOTS];
}

static void add_quiet(struct peer_sum *sum, const struct peer_slot *one)
{
	if (!sum->calm || one->quiet_least < sum->all.quiet_least)
		sum->all.quiet_least = one->quiet_least;
	if (one->quiet_most > sum->all.quiet_most)
		sum->all.quiet_most = one->quiet_most;
	sum->all.quiet += one->quiet;
	sum->calm++;
}

struct peer_sum peer_sum(const struct peer *peer, uint64_t time_ns)
{
	uint64_t slot = time_ns / PEER_SLOT_NS;
	struct peer_sum sum = {0};

	for (uint64_t i = 0; i < PEER_SLOTS && i <= peer->slot; i++) {
		const struct peer_slot *one = &peer->slots[(peer->slot - i) % PEER_SLOTS];

		if (peer->slot - i + PEER_SLOTS <= slot)
			break;
		sum.all.opened += one->opened;
		sum.all.closed += one->closed;
		sum.all.timed += one->timed;
		sum.all.lifetime_ns += one->lifetime_ns;
		if (one->most > sum.all.most)
			sum.all.most = one->most;
		sum.busy += one->closed > 0;
		if (one->quiet)
			add_quiet(&sum, one);
		if (one->opened || one->closed)
			sum.over_ns = time_ns - (peer->slot - i) * PEER_SLOT_NS;
	}
	return sum;
}

/* A connection is opened or closed after a pause: counts the pause if it was a quiet one. */
static void note_quiet(struct peer *peer, struct peer_slot *slot, uint64_t time_ns)
{
	uint64_t quiet_ns = time_ns > peer->last_ns ? time_ns - peer->last_ns : 0;

	if (peer->synced && quiet_ns >= PEER_QUIET_NS) {
		struct peer_sum sum = peer_sum(peer, time_ns);

		if (sum.all.timed &&
		    quiet_ns >= sum.all.lifetime_ns / sum.all.timed * PEER_QUIET_LIVES) {
			if (!slot->quiet || peer->open < slot->quiet_least)
				slot->quiet_least = peer->open;
			if (peer->open > slot->quiet_most)
				slot->quiet_most = peer->open;
			slot->quiet++;
		}
	}
	peer->last_ns = time_ns;
}

void peer_use_opened(struct peer_use *use, const struct process *process, const struct flow *flow,
		     uint64_t time_ns)
{
	struct peer *peer = get(use, process, flow, time_ns / PEER_SLOT_NS);
	struct peer_slot *slot;

	if (!peer)
		return;
	slot = slot_of(peer, time_ns / PEER_SLOT_NS);
	note_quiet(peer, slot, time_ns);
	slot->opened++;
	peer->open++;
	if (peer->open > slot->most)
		slot->most = peer->open;
}

void peer_use_ended(struct peer_use *use, const struct process *process, const struct flow *flow,
		    uint64_t time_ns, uint64_t lifetime_ns, bool by_client)
{
	struct peer *peer = peer_use_find(use, process, flow);
	struct peer_slot *slot;

	if (!peer)
		return;
	slot = slot_of(peer, time_ns / PEER_SLOT_NS);
	note_quiet(peer, slot, time_ns);
	if (peer->open)
		peer->open--;
	if (!by_client)
		return;
	slot->closed++;
	if (lifetime_ns == DURATION_UNKNOWN)
		return;
	slot->timed++;
	slot->lifetime_ns += lifetime_ns;
}

struct peer *peer_use_next(struct peer_use *use, struct peer *previous)
{
	struct peer *peer = previous ? previous + 1 : use->peers;

	while (peer < use->peers + SETS * WAYS && !peer->tgid)
		peer++;
	return peer < use->peers + SETS * WAYS ? peer : NULL;
}
