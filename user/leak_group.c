// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak_group.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct key {
	struct process *process;
	uint32_t netns;
	uint8_t kind;
	uint8_t role;
	uint16_t family;
	uint8_t address[EVENT_ADDRESS_LEN];
	uint16_t port;
	uint16_t zero[3];
};

struct entry {
	struct leak_group group;
	struct key key;
	UT_hash_handle hh;
};

struct leak_groups {
	struct entry *entries;
};

struct leak_groups *leak_groups_new(void)
{
	return calloc(1, sizeof(struct leak_groups));
}

void leak_groups_free(struct leak_groups *groups)
{
	struct entry *entry, *next;

	if (!groups)
		return;
	HASH_ITER (hh, groups->entries, entry, next) {
		HASH_DEL(groups->entries, entry);
		free(entry);
	}
	free(groups);
}

/* A client's own port changes with each connection, a server's peers do: neither makes a place. */
static void key_fill(struct key *key, const struct tcp_socket *socket)
{
	const struct flow *flow = &socket->flow;

	key->netns = flow->netns;
	key->role = socket->role;
	key->family = flow->family;
	if (socket->role == ROLE_SERVER) {
		memcpy(key->address, flow->local, EVENT_ADDRESS_LEN);
		key->port = flow->local_port;
	} else {
		memcpy(key->address, flow->remote, EVENT_ADDRESS_LEN);
		key->port = flow->remote_port;
	}
}

static struct entry *entry_new(struct leak_groups *groups, const struct key *key)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->key = *key;
	entry->group.process = key->process;
	entry->group.kind = key->kind;
	entry->group.role = key->role;
	entry->group.links = entry;
	HASH_ADD(hh, groups->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	if (key->process)
		key->process->sockets++;
	return entry;
}

struct leak_group *leak_groups_get(struct leak_groups *groups, struct process *process,
				   enum leak_kind kind, const struct tcp_socket *socket)
{
	struct entry *entry;
	struct key key;
	bool full = HASH_COUNT(groups->entries) >= LEAK_GROUPS_LIMIT;

	memset(&key, 0, sizeof(key));
	key.process = process;
	key.kind = kind;
	key_fill(&key, socket);
	HASH_FIND(hh, groups->entries, &key, sizeof(key), entry);
	if (!entry && full) {
		memset(&key, 0, sizeof(key));
		key.kind = kind;
		HASH_FIND(hh, groups->entries, &key, sizeof(key), entry);
	}
	if (entry)
		return &entry->group;
	entry = entry_new(groups, &key);
	if (!entry)
		return NULL;
	if (full)
		memcpy(entry->group.place, "(others)", sizeof("(others)"));
	else if (socket->role == ROLE_SERVER)
		flow_format_local(&socket->flow, entry->group.place);
	else
		flow_format_remote(&socket->flow, entry->group.place);
	return &entry->group;
}

struct leak_group *leak_groups_next(struct leak_groups *groups, struct leak_group *previous)
{
	struct entry *entry = previous ? previous->links : NULL;

	entry = entry ? entry->hh.next : groups->entries;
	return entry ? &entry->group : NULL;
}
