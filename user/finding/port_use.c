// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/port_use.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/units.h"
#include "model/tcp_state.h"

#define PORTS 65536

struct entry {
	struct port_pair pair;
	struct flow key;
	UT_hash_handle hh;
	uint8_t seen[]; /* for a local address: a bit for each port that was counted */
};

/* Entries of flows that are alike in some of their members. */
struct table {
	struct entry *entries;
	struct entry *last; /* the last one that was found: it is usually the next one too */
	bool address;	    /* only what is local counts */
};

struct port_use {
	struct table pairs;
	struct table addresses;
	struct table ranges;
	uint64_t time_ns;
	uint64_t look_ns;
	uint32_t netns_count;
	uint32_t netns_last; /* the last one that was returned: it is usually the next one too */
	struct port_netns netns[PORT_NETNS];
};

struct port_use *port_use_new(void)
{
	struct port_use *use = calloc(1, sizeof(*use));

	if (use)
		use->addresses.address = true;
	return use;
}

static void clear(struct table *table)
{
	struct entry *entry, *next;

	HASH_ITER (hh, table->entries, entry, next) {
		HASH_DEL(table->entries, entry);
		free(entry);
	}
	table->last = NULL;
}

void port_use_free(struct port_use *use)
{
	if (!use)
		return;
	clear(&use->pairs);
	clear(&use->addresses);
	clear(&use->ranges);
	free(use);
}

void port_use_begin(struct port_use *use, uint64_t now_ns)
{
	clear(&use->pairs);
	clear(&use->addresses);
	clear(&use->ranges);
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

static bool is_of(const struct flow *key, const struct flow *flow, bool address)
{
	return key->netns == flow->netns && key->family == flow->family &&
	       !memcmp(key->local, flow->local, sizeof(key->local)) &&
	       (address || (key->remote_port == flow->remote_port &&
			    !memcmp(key->remote, flow->remote, sizeof(key->remote))));
}

static struct entry *find(struct table *table, const struct flow *flow)
{
	struct entry *entry;
	struct flow key;

	if (table->last && is_of(&table->last->key, flow, table->address))
		return table->last;
	key_fill(&key, flow, table->address);
	HASH_FIND(hh, table->entries, &key, sizeof(key), entry);
	if (entry)
		table->last = entry;
	return entry;
}

static struct entry *add(struct table *table, const struct flow *flow,
			 const struct net_settings *settings)
{
	struct entry *entry = calloc(1, sizeof(*entry) + (table->address ? PORTS / 8 : 0));

	if (!entry)
		return NULL;
	key_fill(&entry->key, flow, table->address);
	entry->pair.flow = entry->key;
	entry->pair.settings = *settings;
	HASH_ADD(hh, table->entries, key, sizeof(entry->key), entry);
	if (entry->hh.tbl)
		return entry;
	free(entry);
	return NULL;
}

static struct entry *get(struct table *table, const struct port_sample *sample)
{
	struct entry *entry = find(table, sample->flow);

	if (entry || HASH_COUNT(table->entries) >= (table->address ? PORT_ADDRESSES : PORT_PAIRS))
		return entry;
	return add(table, sample->flow, sample->settings);
}

void port_use_add_range(struct port_use *use, const struct flow *flow,
			const struct net_settings *settings)
{
	if (!find(&use->ranges, flow) && HASH_COUNT(use->ranges.entries) < PORT_RANGES)
		add(&use->ranges, flow, settings);
}

struct port_pair *port_use_find_range(struct port_use *use, const struct flow *flow)
{
	struct entry *entry = find(&use->ranges, flow);

	return entry ? &entry->pair : NULL;
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
	if (sample->state != TCP_TIME_WAIT) {
		pair->held++;
		pair->fin_wait2 += sample->state == TCP_FIN_WAIT2;
		pair->close_wait += sample->state == TCP_CLOSE_WAIT;
		pair->syn_sent += sample->state == TCP_SYN_SENT;
		return;
	}
	pair->time_wait++;
	pair->ages[age < TIME_WAIT_S ? age : TIME_WAIT_S - 1]++;
}

static bool is_in_range(const struct net_settings *settings, uint16_t port)
{
	return port >= settings->port_low && port <= settings->port_high;
}

void port_use_add(struct port_use *use, const struct port_sample *sample)
{
	bool reusable = sample->state == TCP_TIME_WAIT && sample->reusable;
	uint16_t port = sample->flow->local_port;
	struct entry *entry;

	if (!is_in_range(sample->settings, port) || !sample->flow->remote_port)
		return;
	entry = use->ranges.entries && !reusable ? find(&use->ranges, sample->flow) : NULL;
	if (entry && is_in_range(&entry->pair.settings, port))
		count(&entry->pair, sample);
	entry = get(&use->addresses, sample);
	if (entry && !(entry->seen[port / 8] >> port % 8 & 1)) {
		entry->seen[port / 8] |= (uint8_t)(1 << port % 8);
		count(&entry->pair, sample);
	}
	if (sample->bound || reusable)
		return;
	entry = get(&use->pairs, sample);
	if (entry)
		count(&entry->pair, sample);
}

struct port_pair *port_use_next(struct port_use *use, struct port_pair *previous)
{
	struct entry *entry = (struct entry *)previous;
	bool address = entry && !entry->key.remote_port;

	if (!entry)
		entry = use->pairs.entries;
	else
		entry = entry->hh.next;
	if (!entry && !address)
		entry = use->addresses.entries;
	return entry ? &entry->pair : NULL;
}

struct port_pair *port_use_find(struct port_use *use, const struct flow *flow)
{
	struct entry *entry = find(flow->remote_port ? &use->pairs : &use->addresses, flow);

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
