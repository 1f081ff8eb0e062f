// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/port_use.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/units.h"

#define PORTS 65536

struct entry {
	struct port_pair pair;
	struct flow key;
	UT_hash_handle hh;
	uint8_t seen[]; /* for a local address: a bit for each port that was counted */
};

struct port_use {
	struct entry *pairs;
	struct entry *addresses;
	uint64_t time_ns;
	uint64_t look_ns;
	uint32_t netns_count;
	uint32_t netns_last; /* the last one that was returned: it is usually the next one too */
	struct port_netns netns[PORT_NETNS];
};

struct port_use *port_use_new(void)
{
	return calloc(1, sizeof(struct port_use));
}

static void clear(struct entry **table)
{
	struct entry *entry, *next;

	HASH_ITER (hh, *table, entry, next) {
		HASH_DEL(*table, entry);
		free(entry);
	}
}

void port_use_free(struct port_use *use)
{
	if (!use)
		return;
	clear(&use->pairs);
	clear(&use->addresses);
	free(use);
}

void port_use_begin(struct port_use *use, uint64_t now_ns)
{
	clear(&use->pairs);
	clear(&use->addresses);
	use->time_ns = now_ns;
}

uint64_t port_use_time(const struct port_use *use)
{
	return use->time_ns;
}

/* Keys are compared as bytes, so padding must be 0. */
static void key_fill(struct flow *key, const struct flow *flow, bool address)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->local, flow->local, sizeof(key->local));
	key->netns = flow->netns;
	key->family = flow->family;
	if (address)
		return;
	memcpy(key->remote, flow->remote, sizeof(key->remote));
	key->remote_port = flow->remote_port;
}

static struct entry *find(struct port_use *use, const struct flow *flow, bool address)
{
	struct entry *table = address ? use->addresses : use->pairs, *entry;
	struct flow key;

	key_fill(&key, flow, address);
	HASH_FIND(hh, table, &key, sizeof(key), entry);
	return entry;
}

static struct entry *get(struct port_use *use, const struct port_sample *sample, bool address)
{
	struct entry **table = address ? &use->addresses : &use->pairs;
	struct entry *entry = find(use, sample->flow, address);

	if (entry || HASH_COUNT(*table) >= (address ? PORT_ADDRESSES : PORT_PAIRS))
		return entry;
	entry = calloc(1, sizeof(*entry) + (address ? PORTS / 8 : 0));
	if (!entry)
		return NULL;
	key_fill(&entry->key, sample->flow, address);
	entry->pair.flow = entry->key;
	entry->pair.settings = *sample->settings;
	HASH_ADD(hh, *table, key, sizeof(entry->key), entry);
	if (entry->hh.tbl)
		return entry;
	free(entry);
	return NULL;
}

static void count_user(struct port_pair *pair, struct process *owner)
{
	struct port_user *user;

	if (!owner || (!owner->tgid && !owner->merged))
		return;
	if (!owner->tgid && !strcmp(owner->comm, PROCESS_OTHER)) {
		pair->others++;
		return;
	}
	for (uint32_t i = 0; i < pair->user_count; i++) {
		user = &pair->users[i];
		if (strcmp(user->comm, owner->comm) != 0)
			continue;
		user->ports++;
		if (user->process != owner)
			user->process = NULL;
		return;
	}
	if (pair->user_count == PORT_USERS) {
		pair->others++;
		return;
	}
	user = &pair->users[pair->user_count++];
	*user = (struct port_user){.process = owner->tgid ? owner : NULL, .ports = 1};
	memcpy(user->comm, owner->comm, sizeof(user->comm));
}

static void count(struct port_pair *pair, const struct port_sample *sample)
{
	uint64_t age = sample->age_ns / NS_PER_S;

	pair->bound += sample->bound;
	pair->watched += sample->owner && sample->owner->watched;
	count_user(pair, sample->owner);
	if (!sample->time_wait) {
		pair->held++;
		return;
	}
	pair->time_wait++;
	pair->ages[age < TIME_WAIT_S ? age : TIME_WAIT_S - 1]++;
}

void port_use_add(struct port_use *use, const struct port_sample *sample)
{
	uint16_t port = sample->flow->local_port;
	struct entry *entry;

	if (port < sample->settings->port_low || port > sample->settings->port_high ||
	    !sample->flow->remote_port)
		return;
	entry = get(use, sample, true);
	if (entry && !(entry->seen[port / 8] >> port % 8 & 1)) {
		entry->seen[port / 8] |= (uint8_t)(1 << port % 8);
		count(&entry->pair, sample);
	}
	if (sample->bound || (sample->time_wait && sample->reusable))
		return;
	entry = get(use, sample, false);
	if (entry)
		count(&entry->pair, sample);
}

struct port_pair *port_use_next(struct port_use *use, struct port_pair *previous)
{
	struct entry *entry = (struct entry *)previous;
	bool address = entry && !entry->key.remote_port;

	if (!entry)
		entry = use->pairs;
	else
		entry = entry->hh.next;
	if (!entry && !address)
		entry = use->addresses;
	return entry ? &entry->pair : NULL;
}

struct port_pair *port_use_find(struct port_use *use, const struct flow *flow)
{
	struct entry *entry = find(use, flow, !flow->remote_port);

	return entry ? &entry->pair : NULL;
}

uint32_t port_pair_in_use(const struct port_pair *pair)
{
	return pair->held + pair->time_wait;
}

const struct port_user *port_pair_top(const struct port_pair *pair)
{
	const struct port_user *top = NULL;

	for (uint32_t i = 0; i < pair->user_count; i++)
		if (!top || pair->users[i].ports > top->ports)
			top = &pair->users[i];
	return top && top->ports > pair->others ? top : NULL;
}

struct port_netns *port_use_netns(struct port_use *use, uint64_t now_ns, uint32_t netns)
{
	struct port_netns *found = &use->netns[use->netns_last];

	if (use->look_ns != now_ns) {
		use->look_ns = now_ns;
		for (uint32_t i = 0; i < use->netns_count; i++)
			use->netns[i].clients = 0;
	}
	if (use->netns_count && found->netns == netns)
		return found;
	for (uint32_t i = 0; i < use->netns_count; i++) {
		if (use->netns[i].netns != netns)
			continue;
		use->netns_last = i;
		return &use->netns[i];
	}
	for (uint32_t i = 0; i < PORT_NETNS; i++) {
		/* An entry without clients in this look is replaced. */
		if (i < use->netns_count && use->netns[i].clients)
			continue;
		if (i == use->netns_count)
			use->netns_count++;
		use->netns[i] = (struct port_netns){.netns = netns};
		use->netns_last = i;
		return &use->netns[i];
	}
	return NULL;
}

struct port_netns *port_use_next_netns(struct port_use *use, struct port_netns *previous)
{
	struct port_netns *next = previous ? previous + 1 : use->netns;

	return next < use->netns + use->netns_count ? next : NULL;
}
