// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/pairs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"

/* The most processes at the other ends that are counted apart. */
#define OTHERS_LIMIT 64

/* A socket, by the flow that its other end must have. netns is 0 but for loopback addresses, which
 * mean another host in each namespace. */
struct entry {
	struct flow key;
	struct subject *subject;
	uint32_t netns;	  /* the socket's own */
	uint32_t matches; /* > 1: the addresses are in use in several namespaces */
	bool twice;	  /* so are those of the socket itself */
	uint32_t found_netns;
	const struct process *process;
	UT_hash_handle hh;
};

/* Bits of keys that may be among the entries. */
#define SEEN_BITS (16 * FINDING_PAIRS_LIMIT)

struct finding_pairs {
	struct entry *entries;
	bool full;
	uint64_t seen[SEEN_BITS / 64];
};

struct finding_pairs *finding_pairs_new(void)
{
	return calloc(1, sizeof(struct finding_pairs));
}

void finding_pairs_clear(struct finding_pairs *pairs)
{
	struct entry *entry, *next;

	HASH_ITER (hh, pairs->entries, entry, next) {
		HASH_DEL(pairs->entries, entry);
		free(entry);
	}
	pairs->full = false;
	memset(pairs->seen, 0, sizeof(pairs->seen));
}

void finding_pairs_free(struct finding_pairs *pairs)
{
	if (!pairs)
		return;
	finding_pairs_clear(pairs);
	free(pairs);
}

bool finding_pairs_empty(const struct finding_pairs *pairs)
{
	return !pairs->entries;
}

static bool is_loopback(uint16_t family, const uint8_t *address)
{
	static const uint8_t loopback[EVENT_ADDRESS_LEN] = {[EVENT_ADDRESS_LEN - 1] = 1};

	return family == AF_INET ? address[0] == 127 : !memcmp(address, loopback, sizeof(loopback));
}

/* Padding is 0: keys are compared as bytes. */
static void key_fill(struct flow *key, const struct flow *flow, bool reversed)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->local, reversed ? flow->remote : flow->local, sizeof(key->local));
	memcpy(key->remote, reversed ? flow->local : flow->remote, sizeof(key->remote));
	key->local_port = reversed ? flow->remote_port : flow->local_port;
	key->remote_port = reversed ? flow->local_port : flow->remote_port;
	key->family = flow->family;
	if (is_loopback(flow->family, flow->local) || is_loopback(flow->family, flow->remote))
		key->netns = flow->netns;
}

static uint32_t seen_bit(const struct flow *flow)
{
	uint64_t local, remote, hash;

	memcpy(&local, flow->local + (flow->family == AF_INET ? 0 : 8), sizeof(local));
	memcpy(&remote, flow->remote + (flow->family == AF_INET ? 0 : 8), sizeof(remote));
	hash = (local * 31 + remote) * 31 + ((uint64_t)flow->local_port << 16 | flow->remote_port);
	return (uint32_t)(hash * 0x9e3779b97f4a7c15ULL >> 32) % SEEN_BITS;
}

void finding_pairs_add(struct finding_pairs *pairs, struct subject *subject,
		       const struct flow *flow)
{
	uint32_t bit = seen_bit(flow);
	struct entry *entry;
	struct flow key;

	/* Of a million, most are not added; but each may have the addresses of one that is. */
	if (pairs->full && !(pairs->seen[bit / 64] >> bit % 64 & 1))
		return;
	key_fill(&key, flow, true);
	HASH_FIND(hh, pairs->entries, &key, sizeof(key), entry);
	if (entry) {
		entry->twice = true;
		return;
	}
	entry = HASH_COUNT(pairs->entries) < FINDING_PAIRS_LIMIT ? calloc(1, sizeof(*entry)) : NULL;
	if (!entry) {
		pairs->full = true;
		return;
	}
	pairs->seen[bit / 64] |= 1ULL << bit % 64;
	entry->key = key;
	entry->subject = subject;
	entry->netns = flow->netns;
	HASH_ADD(hh, pairs->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		pairs->full = true;
	}
}

void finding_pairs_show(struct finding_pairs *pairs, const struct flow *flow,
			const struct process *process)
{
	struct entry *entry;
	struct flow key;

	if (!pairs->entries)
		return;
	key_fill(&key, flow, false);
	HASH_FIND(hh, pairs->entries, &key, sizeof(key), entry);
	if (!entry)
		return;
	entry->matches++;
	entry->found_netns = flow->netns;
	entry->process = process;
}

/* How many ends each process has. */
struct tally {
	struct {
		const struct process *process;
		uint64_t count;
		uint32_t netns;
	} items[OTHERS_LIMIT];
	unsigned int count;
};

static void tally_add(struct tally *tally, const struct entry *entry)
{
	unsigned int i = 0;

	while (i < tally->count && tally->items[i].process != entry->process)
		i++;
	if (i == OTHERS_LIMIT)
		return;
	if (i == tally->count) {
		tally->count++;
		tally->items[i].process = entry->process;
		tally->items[i].netns = entry->found_netns == entry->netns ? 0 : entry->found_netns;
	}
	tally->items[i].count++;
}

void finding_pairs_tally(const struct finding_pairs *pairs, const struct subject *subject,
			 struct finding_pairs_found *found)
{
	struct tally tally = {.count = 0};
	const struct entry *entry;
	unsigned int most = 0;

	*found = (struct finding_pairs_found){.all = !pairs->full};
	for (entry = pairs->entries; entry; entry = entry->hh.next) {
		if (entry->subject != subject || entry->matches != 1 || entry->twice)
			continue;
		found->count++;
		if (entry->process)
			tally_add(&tally, entry);
	}
	if (!tally.count)
		return;
	for (unsigned int i = 1; i < tally.count; i++)
		if (tally.items[i].count > tally.items[most].count)
			most = i;
	found->process = tally.items[most].process;
	found->netns = tally.items[most].netns;
	found->others = tally.count - 1;
}
