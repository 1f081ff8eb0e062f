// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/subject.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct key {
	const struct process *process;
	uint32_t id;
	uint32_t place;
	struct flow flow;
};

struct entry {
	struct subject subject;
	struct key key;
	UT_hash_handle hh;
};

struct subjects {
	struct entry *entries;
	unsigned int counts[FINDINGS];
	uint64_t now_ns;
};

struct subjects *subjects_new(void)
{
	return calloc(1, sizeof(struct subjects));
}

void subject_blame(struct subject *subject, struct process *process)
{
	if (process)
		process->sockets++;
	if (subject->blamed)
		subject->blamed->sockets--;
	subject->blamed = process;
}

static void entry_free(struct subjects *subjects, struct entry *entry)
{
	subject_blame(&entry->subject, NULL);
	if (entry->subject.process)
		entry->subject.process->sockets--;
	subjects->counts[entry->subject.id]--;
	HASH_DEL(subjects->entries, entry);
	free(entry);
}

/* The processes may have been freed before. */
void subjects_free(struct subjects *subjects)
{
	struct entry *entry, *next;

	if (!subjects)
		return;
	HASH_ITER (hh, subjects->entries, entry, next) {
		HASH_DEL(subjects->entries, entry);
		free(entry);
	}
	free(subjects);
}

/* Padding is 0: keys are compared as bytes. */
static void key_fill(struct key *key, enum finding_id id, const struct process *process,
		     enum finding_place place, const struct flow *flow)
{
	memset(key, 0, sizeof(*key));
	key->process = process;
	key->id = id;
	key->place = place;
	if (place == PLACE_NONE)
		return;
	key->flow.netns = flow->netns;
	key->flow.family = flow->family;
	if (place != PLACE_REMOTE)
		memcpy(key->flow.local, flow->local, sizeof(flow->local));
	if (place == PLACE_LOCAL) {
		key->flow.local_port = flow->local_port;
		return;
	}
	memcpy(key->flow.remote, flow->remote, sizeof(flow->remote));
	key->flow.remote_port = flow->remote_port;
}

static struct entry *entry_new(struct subjects *subjects, const struct key *key,
			       struct process *process)
{
	struct entry *entry;

	if (subjects->counts[key->id] >= SUBJECTS_LIMIT)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = *key;
	entry->subject.id = (enum finding_id)key->id;
	entry->subject.process = process;
	entry->subject.place = (enum finding_place)key->place;
	entry->subject.flow = key->flow;
	entry->subject.links = entry;
	HASH_ADD(hh, subjects->entries, key, sizeof(entry->key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	subjects->counts[key->id]++;
	if (process)
		process->sockets++;
	return entry;
}

struct subject *subjects_get(struct subjects *subjects, enum finding_id id, struct process *process,
			     enum finding_place place, const struct flow *flow)
{
	struct entry *entry;
	struct key key;

	key_fill(&key, id, process, place, flow);
	HASH_FIND(hh, subjects->entries, &key, sizeof(key), entry);
	if (!entry)
		entry = entry_new(subjects, &key, process);
	if (!entry)
		return NULL;
	entry->subject.seen_ns = subjects->now_ns;
	return &entry->subject;
}

struct subject *subjects_find(struct subjects *subjects, enum finding_id id,
			      const struct process *process, enum finding_place place,
			      const struct flow *flow)
{
	struct entry *entry;
	struct key key;

	if (!subjects_any(subjects, id))
		return NULL;
	key_fill(&key, id, process, place, flow);
	HASH_FIND(hh, subjects->entries, &key, sizeof(key), entry);
	return entry ? &entry->subject : NULL;
}

bool subjects_any(const struct subjects *subjects, enum finding_id id)
{
	return subjects->counts[id];
}

struct subject *subjects_get_peer(struct subjects *subjects, enum finding_id id,
				  struct process *process, const struct tcp_socket *socket)
{
	struct flow flow = socket->flow;

	if (socket->role != ROLE_CLIENT)
		flow.remote_port = 0;
	return subjects_get(subjects, id, process, PLACE_REMOTE, &flow);
}

void subjects_begin(struct subjects *subjects, uint64_t now_ns)
{
	struct entry *entry, *next;

	subjects->now_ns = now_ns;
	HASH_ITER (hh, subjects->entries, entry, next) {
		struct subject *subject = &entry->subject;

		if (!subject->open && subject->seen_ns + SUBJECT_KEPT_NS < now_ns) {
			entry_free(subjects, entry);
			continue;
		}
		memset(subject->now, 0, sizeof(subject->now));
		subject->oldest_ns = 0;
		subject->oldest_at_least = false;
	}
}

void subjects_begin_scan(struct subjects *subjects)
{
	struct subject *subject = NULL;

	while ((subject = subjects_next(subjects, subject)))
		memset(subject->scanned, 0, sizeof(subject->scanned));
}

void subject_age(struct subject *subject, uint64_t since_ns, bool at_least)
{
	if (subject->oldest_ns && since_ns >= subject->oldest_ns)
		return;
	subject->oldest_ns = since_ns;
	subject->oldest_at_least = at_least;
}

struct subject *subjects_next(struct subjects *subjects, struct subject *previous)
{
	struct entry *entry = previous ? previous->links : NULL;

	entry = entry ? entry->hh.next : subjects->entries;
	return entry ? &entry->subject : NULL;
}
