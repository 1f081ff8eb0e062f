// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "leak/family.h"

#define SITE_MODULE_LEN 200 /* bytes of the module's path that are compared */

/* A call site: a text in a program. */
struct site {
	uint32_t number;
	UT_hash_handle hh;
	const char *text; /* within `key` */
	char key[];	  /* the module, a newline, the text */
};

struct key {
	struct process *process;
	struct site *site;
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
	struct leak_member *member; /* NULL: the process is not known, or not counted */
	struct entry *whole;	    /* that has its sums since the last walk; NULL = none */
	UT_hash_handle hh;
};

struct leak_groups {
	struct entry *entries;
	struct entry *wholes; /* of families */
	struct leak_families *families;
	struct site *sites;
};

struct leak_groups *leak_groups_new(void)
{
	struct leak_groups *groups = calloc(1, sizeof(*groups));

	if (!groups)
		return NULL;
	groups->families = leak_families_new();
	if (!groups->families) {
		free(groups);
		return NULL;
	}
	return groups;
}

static void entries_free(struct entry **entries)
{
	struct entry *entry, *next;

	HASH_ITER (hh, *entries, entry, next) {
		HASH_DEL(*entries, entry);
		free(entry);
	}
}

void leak_groups_free(struct leak_groups *groups)
{
	struct site *site, *next_site;

	if (!groups)
		return;
	entries_free(&groups->entries);
	entries_free(&groups->wholes);
	leak_families_free(groups->families);
	HASH_ITER (hh, groups->sites, site, next_site) {
		HASH_DEL(groups->sites, site);
		free(site);
	}
	free(groups);
}

static struct site *site_new(struct leak_groups *groups, const char *key, size_t text_length)
{
	struct site *site = calloc(1, sizeof(*site) + strlen(key) + 1);

	if (!site)
		return NULL;
	memcpy(site->key, key, strlen(key) + 1);
	site->text = site->key + strlen(key) - text_length;
	site->number = HASH_COUNT(groups->sites) + 1;
	HASH_ADD_STR(groups->sites, key, site);
	if (!site->hh.tbl) {
		free(site);
		return NULL;
	}
	return site;
}

/* NULL if the call site is not known, or if there are too many. */
static struct site *site_get(struct leak_groups *groups, const struct call_stack *stack)
{
	char text[CALL_SITE_TEXT_LEN], key[SITE_MODULE_LEN + 1 + CALL_SITE_TEXT_LEN];
	struct site *site;
	const char *module;

	if (!stack || !stack->count)
		return NULL;
	module = call_site_frame(stack)->module;
	snprintf(key, sizeof(key), "%.*s\n%s", SITE_MODULE_LEN, module ? module : "",
		 call_site_format(stack, text));
	HASH_FIND_STR(groups->sites, key, site);
	if (site || HASH_COUNT(groups->sites) >= LEAK_SITES_LIMIT)
		return site;
	return site_new(groups, key, strlen(text));
}

/* The place is the same for all connections of a listener, or to a peer: a client's own port and a
 * server's peers change with each connection. */
static void key_fill(struct key *key, const struct tcp_socket *socket)
{
	const struct flow *flow = &socket->flow;

	key->netns = flow->netns;
	/* Where it is not known which side made the connection, the peer is what can be named. */
	key->role = socket->role == ROLE_SERVER ? ROLE_SERVER : ROLE_CLIENT;
	key->family = flow->family;
	if (socket->role == ROLE_SERVER) {
		memcpy(key->address, flow->local, EVENT_ADDRESS_LEN);
		key->port = flow->local_port;
	} else {
		memcpy(key->address, flow->remote, EVENT_ADDRESS_LEN);
		key->port = flow->remote_port;
	}
}

static struct entry *entry_new(struct entry **entries, const struct key *key)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->key = *key;
	entry->group.process = key->process;
	entry->group.kind = key->kind;
	entry->group.role = key->role;
	entry->group.links = entry;
	if (key->site) {
		entry->group.site = key->site->text;
		entry->group.site_number = key->site->number;
	}
	HASH_ADD(hh, *entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	if (key->process)
		key->process->sockets++;
	return entry;
}

static struct entry *entry_find(struct entry *entries, const struct key *key)
{
	struct entry *entry;

	HASH_FIND(hh, entries, key, sizeof(*key), entry);
	return entry;
}

/* The key for leaks for which there is no room: of a family, or of all others. */
static void key_fold(struct leak_groups *groups, struct key *key, const struct tcp_socket *socket)
{
	struct leak_family *family = NULL;
	const uint8_t kind = key->kind;

	if (key->process && socket->role == ROLE_SERVER)
		family = leak_families_find(groups->families, key->process, socket);
	if (family && leak_family_is_one(family)) {
		key->process = &family->process;
		key->site = NULL;
		return;
	}
	memset(key, 0, sizeof(*key));
	key->kind = kind;
}

static void name_place(struct leak_group *group, const struct tcp_socket *socket, bool others)
{
	if (others) {
		memcpy(group->place, "(others)", sizeof("(others)"));
		return;
	}
	group->netns = socket->flow.netns;
	if (socket->role == ROLE_SERVER)
		flow_format_local(&socket->flow, group->place);
	else
		flow_format_remote(&socket->flow, group->place);
}

struct leak_group *leak_groups_get(struct leak_groups *groups, struct process *process,
				   enum leak_kind kind, const struct tcp_socket *socket,
				   const struct call_stack *stack)
{
	struct entry *entry;
	struct key key;
	bool full = HASH_COUNT(groups->entries) >= LEAK_GROUPS_LIMIT;

	memset(&key, 0, sizeof(key));
	key.process = process;
	key.kind = kind;
	key.site = site_get(groups, stack);
	key_fill(&key, socket);
	entry = entry_find(groups->entries, &key);
	if (!entry && full) {
		key_fold(groups, &key, socket);
		entry = entry_find(groups->entries, &key);
	}
	if (entry)
		return &entry->group;
	entry = entry_new(&groups->entries, &key);
	if (!entry)
		return NULL;
	name_place(&entry->group, socket, full && !key.process);
	if (process && socket->role == ROLE_SERVER && !full)
		entry->member = leak_families_join(groups->families, process, socket);
	return &entry->group;
}

void leak_group_count(struct leak_group *group)
{
	struct entry *entry = group->links;

	group->total++;
	if (entry->member)
		leak_member_count(entry->member);
}

struct process *leak_group_process(const struct leak_group *group)
{
	const struct entry *entry = group->links;

	if (entry->member && leak_member_is_told_with_others(entry->member))
		return &entry->member->family->process;
	return group->process;
}

/* NULL without memory. */
static struct entry *whole_of(struct leak_groups *groups, const struct entry *entry,
			      struct process *process)
{
	struct key key = entry->key;
	struct entry *whole;

	key.process = process;
	whole = entry_find(groups->wholes, &key);
	if (whole)
		return whole;
	whole = entry_new(&groups->wholes, &key);
	if (!whole)
		return NULL;
	memcpy(whole->group.place, entry->group.place, sizeof(whole->group.place));
	whole->group.netns = entry->group.netns;
	return whole;
}

static void add_up(struct leak_group *whole, const struct leak_group *part)
{
	whole->total += part->total;
	whole->open += part->open;
	whole->left += part->left;
	if (part->oldest_ns >= whole->oldest_ns) {
		whole->oldest_ns = part->oldest_ns;
		whole->oldest_at_least = part->oldest_at_least;
	}
}

static void add_up_families(struct leak_groups *groups)
{
	struct entry *entry, *next;

	HASH_ITER (hh, groups->wholes, entry, next)
		entry->group.total = entry->group.open = entry->group.left =
			entry->group.oldest_ns = 0;
	HASH_ITER (hh, groups->entries, entry, next) {
		struct process *process = leak_group_process(&entry->group);

		entry->whole = NULL;
		if (!process || !process->alike)
			continue;
		entry->whole = whole_of(groups, entry, process);
		if (entry->whole)
			add_up(&entry->whole->group, &entry->group);
	}
}

/* Whether the two groups differ at most by their call sites. */
static bool is_beside(const struct leak_group *group, const struct leak_group *other)
{
	struct key key = ((const struct entry *)group->links)->key;
	const struct key *wanted = &((const struct entry *)other->links)->key;

	key.site = wanted->site;
	return !memcmp(&key, wanted, sizeof(key));
}

/* The first entry from this one on that is told, or of which that is not true. */
static struct entry *next_entry(struct entry *entry, bool told)
{
	while (entry && told != (!entry->whole && entry->group.total))
		entry = entry->hh.next;
	return entry;
}

struct leak_group *leak_groups_next(struct leak_groups *groups, struct leak_group *previous)
{
	struct entry *entry = previous ? previous->links : NULL;
	bool whole = entry && entry_find(groups->wholes, &entry->key) == entry;

	if (!entry)
		add_up_families(groups);
	entry = next_entry(entry ? entry->hh.next : groups->entries, true);
	if (!entry && !whole)
		entry = next_entry(groups->wholes, true);
	return entry ? &entry->group : NULL;
}

struct leak_group *leak_groups_next_part(struct leak_groups *groups, struct leak_group *previous)
{
	struct entry *entry = previous ? previous->links : NULL;

	entry = next_entry(entry ? entry->hh.next : groups->entries, false);
	return entry ? &entry->group : NULL;
}

/* Unaccepted connections are a fault of another kind. */
static bool is_wanted(const struct leak_group *group, const struct process *process, bool idle)
{
	return group->process == process && group->kind != LEAK_UNACCEPTED &&
	       idle == (group->kind == LEAK_IDLE);
}

const struct leak_group *leak_groups_most(struct leak_groups *groups, const struct process *process,
					  bool idle, uint64_t *open)
{
	const struct leak_group *most = NULL;
	struct leak_group *group = NULL;

	while ((group = leak_groups_next(groups, group)))
		if (is_wanted(group, process, idle) && group->open &&
		    (!most || group->open > most->open))
			most = group;
	*open = 0;
	while (most && (group = leak_groups_next(groups, group)))
		if (is_beside(group, most))
			*open += group->open;
	return most;
}

const char *leak_groups_site(struct leak_groups *groups, const struct process *process, bool idle)
{
	const struct leak_group *most = NULL;
	struct leak_group *group = NULL;

	while ((group = leak_groups_next(groups, group)))
		if (is_wanted(group, process, idle) && group->site &&
		    group->open > (most ? most->open : 0))
			most = group;
	return most ? most->site : NULL;
}
