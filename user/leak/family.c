// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/family.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Keys are compared as bytes: they have no padding that is not 0. */
struct family_key {
	uint32_t netns;
	uint16_t family;
	uint16_t port;
	uint8_t local[EVENT_ADDRESS_LEN];
	char comm[EVENT_COMM_LEN + 1];
};

struct member_key {
	const struct leak_family *family;
	const struct process *process;
};

struct family_entry {
	struct leak_family family;
	struct family_key key;
	UT_hash_handle hh;
};

struct member_entry {
	struct leak_member member;
	struct member_key key;
	UT_hash_handle hh;
};

struct leak_families {
	struct family_entry *families;
	struct member_entry *members;
};

struct leak_families *leak_families_new(void)
{
	return calloc(1, sizeof(struct leak_families));
}

void leak_families_free(struct leak_families *families)
{
	struct family_entry *family, *next_family;
	struct member_entry *member, *next_member;

	if (!families)
		return;
	HASH_ITER (hh, families->members, member, next_member) {
		HASH_DEL(families->members, member);
		free(member);
	}
	HASH_ITER (hh, families->families, family, next_family) {
		HASH_DEL(families->families, family);
		free(family);
	}
	free(families);
}

static struct family_entry *family_find(struct leak_families *families,
					const struct family_key *key)
{
	struct family_entry *family;

	HASH_FIND(hh, families->families, key, sizeof(*key), family);
	return family;
}

static void key_fill(struct family_key *key, const struct process *process,
		     const struct tcp_socket *socket)
{
	memset(key, 0, sizeof(*key));
	key->netns = socket->flow.netns;
	key->family = socket->flow.family;
	memcpy(key->local, socket->flow.local, sizeof(key->local));
	key->port = socket->flow.local_port;
	memcpy(key->comm, process->comm, sizeof(key->comm));
}

static struct family_entry *family_new(struct leak_families *families, const struct family_key *key,
				       const struct process *process)
{
	struct family_entry *family = calloc(1, sizeof(*family));

	if (!family)
		return NULL;
	family->key = *key;
	family->family.links = family;
	memcpy(family->family.process.comm, process->comm, sizeof(process->comm));
	family->family.process.watched = process->watched;
	family->family.process.cgroup = process->cgroup;
	family->family.process.metrics = process->metrics;
	HASH_ADD(hh, families->families, key, sizeof(family->key), family);
	if (!family->hh.tbl) {
		free(family);
		return NULL;
	}
	return family;
}

static struct member_entry *member_new(struct leak_families *families, struct leak_family *family,
				       const struct member_key *key)
{
	struct member_entry *member = calloc(1, sizeof(*member));

	if (!member)
		return NULL;
	member->key = *key;
	member->member.family = family;
	member->member.links = member;
	HASH_ADD(hh, families->members, key, sizeof(member->key), member);
	if (!member->hh.tbl) {
		free(member);
		return NULL;
	}
	return member;
}

struct leak_member *leak_families_join(struct leak_families *families,
				       const struct process *process,
				       const struct tcp_socket *socket)
{
	struct family_entry *family;
	struct member_entry *member;
	struct member_key member_key;
	struct family_key key;

	key_fill(&key, process, socket);
	family = family_find(families, &key);
	if (!family)
		family = family_new(families, &key, process);
	if (!family)
		return NULL;
	member_key = (struct member_key){.family = &family->family, .process = process};
	HASH_FIND(hh, families->members, &member_key, sizeof(member_key), member);
	if (!member)
		member = member_new(families, &family->family, &member_key);
	return member ? &member->member : NULL;
}

struct leak_family *leak_families_find(struct leak_families *families,
				       const struct process *process,
				       const struct tcp_socket *socket)
{
	struct family_entry *family;
	struct family_key key;

	key_fill(&key, process, socket);
	family = family_find(families, &key);
	return family ? &family->family : NULL;
}

void leak_member_count(struct leak_member *member)
{
	member->leaks++;
	if (member->leaks == 1)
		member->family->process.alike++;
	else if (member->leaks == LEAK_FAMILY_FEW + 1)
		member->family->process.alike--;
}
