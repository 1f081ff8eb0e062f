// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/stack_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_SLOTS 256

struct slot {
	uint32_t hash;
	uint32_t place; /* from 1; 0 = free */
};

/* Unused stacks are in a list, the one that was unused for longest first. */
struct entry {
	struct stack *stack;
	uint32_t number;
	uint32_t hash;
	uint32_t uses;
	uint32_t previous, next; /* places; 0 = none */
};

struct stack_table {
	struct slot *slots;    /* open addressing; at most half of them are taken */
	struct entry *entries; /* as many as half the slots */
	size_t slot_count;     /* a power of two */
	size_t count;
	uint32_t oldest, newest; /* of the unused ones */
	size_t unused, unused_most;
	uint64_t refused;
	uint64_t seed; /* so that a watched process cannot choose the slots of its stacks */
};

struct stack_table *stack_table_new(void)
{
	struct stack_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	/* Without a random seed the table works, but is not protected. */
	if (getrandom(&table->seed, sizeof(table->seed), GRND_NONBLOCK) < 0)
		table->seed = (uintptr_t)table;
	table->unused_most = STACK_TABLE_LIMIT;
	table->slot_count = FIRST_SLOTS;
	table->slots = calloc(table->slot_count, sizeof(*table->slots));
	table->entries = calloc(table->slot_count / 2, sizeof(*table->entries));
	if (table->slots && table->entries)
		return table;
	stack_table_free(table);
	return NULL;
}

void stack_table_bound_unused(struct stack_table *table, size_t most)
{
	table->unused_most = most;
}

void stack_table_free(struct stack_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; table->entries && i < table->count; i++)
		free(table->entries[i].stack);
	free(table->entries);
	free(table->slots);
	free(table);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static uint32_t hash_of(const struct stack_table *table, const struct event_stack *e)
{
	uint64_t hash = mix(table->seed, e->task.start_ns);

	hash = mix(hash, (uint64_t)e->exec_id << 32 | e->task.tgid);
	hash = mix(hash, (uint64_t)e->count << 16 | e->how);
	for (size_t i = 0; i < e->count; i++)
		hash = mix(hash, e->frames[i]);
	return (uint32_t)(mix(hash, table->seed) >> 32);
}

static bool is_same(const struct stack *stack, const struct event_stack *e)
{
	return stack->count == e->count && stack->how == e->how && stack->tgid == e->task.tgid &&
	       stack->exec_id == e->exec_id && stack->start_ns == e->task.start_ns &&
	       !memcmp(stack->frames, e->frames, e->count * sizeof(e->frames[0]));
}

/* Returns the stack's slot, or the free slot that it would get. */
static struct slot *slot_find(const struct stack_table *table, const struct event_stack *e,
			      uint32_t hash)
{
	size_t mask = table->slot_count - 1;
	struct slot *slot;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		slot = &table->slots[i];
		if (!slot->place ||
		    (slot->hash == hash && is_same(table->entries[slot->place - 1].stack, e)))
			return slot;
	}
}

/* Doubles the slots. Returns false without memory; nothing has changed then. */
static bool grow(struct stack_table *table)
{
	size_t slot_count = table->slot_count * 2, mask = slot_count - 1;
	struct slot *slots = calloc(slot_count, sizeof(*slots));
	struct entry *entries =
		reallocarray(table->entries, slot_count / 2, sizeof(*table->entries));

	if (entries)
		table->entries = entries;
	if (!slots || !entries) {
		free(slots);
		return false;
	}
	for (size_t i = 0; i < table->slot_count; i++) {
		size_t to = table->slots[i].hash & mask;

		if (!table->slots[i].place)
			continue;
		while (slots[to].place)
			to = (to + 1) & mask;
		slots[to] = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	return true;
}

static struct stack *stack_new(const struct event_stack *e)
{
	size_t size = e->count * sizeof(e->frames[0]);
	struct stack *stack = malloc(sizeof(*stack) + size);

	if (!stack)
		return NULL;
	stack->start_ns = e->task.start_ns;
	stack->tgid = e->task.tgid;
	stack->exec_id = e->exec_id;
	stack->how = e->how;
	stack->count = e->count;
	memcpy(stack->frames, e->frames, size);
	return stack;
}

static struct entry *entry_of(const struct stack_table *table, uint32_t place)
{
	return place ? &table->entries[place - 1] : NULL;
}

static void list_add(struct stack_table *table, uint32_t place)
{
	struct entry *entry = entry_of(table, place), *last = entry_of(table, table->newest);

	entry->previous = table->newest;
	entry->next = 0;
	if (last)
		last->next = place;
	else
		table->oldest = place;
	table->newest = place;
	table->unused++;
}

static void list_remove(struct stack_table *table, uint32_t place)
{
	struct entry *entry = entry_of(table, place);
	struct entry *previous = entry_of(table, entry->previous);
	struct entry *next = entry_of(table, entry->next);

	if (previous)
		previous->next = entry->next;
	else
		table->oldest = entry->next;
	if (next)
		next->previous = entry->previous;
	else
		table->newest = entry->previous;
	table->unused--;
}

/* Frees the slot of a place. Those behind it move up, so that a search that met it finds them. */
static void slot_free(struct stack_table *table, uint32_t place)
{
	size_t mask = table->slot_count - 1, hole = entry_of(table, place)->hash & mask;

	while (table->slots[hole].place != place)
		hole = (hole + 1) & mask;
	for (size_t i = (hole + 1) & mask; table->slots[i].place; i = (i + 1) & mask) {
		size_t home = table->slots[i].hash & mask;

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		table->slots[hole] = table->slots[i];
		hole = i;
	}
	table->slots[hole] = (struct slot){0};
}

/* Returns a place without a stack; 0 if open sockets use all, or without memory. */
static uint32_t place_take(struct stack_table *table, uint32_t *dropped)
{
	uint32_t place = table->oldest;
	struct entry *entry;

	if (table->count < STACK_TABLE_LIMIT && table->unused < table->unused_most) {
		if (table->count == table->slot_count / 2 && !grow(table))
			return 0;
		place = (uint32_t)++table->count;
		*entry_of(table, place) = (struct entry){.number = place};
		return place;
	}
	if (!place)
		return 0;
	entry = entry_of(table, place);
	*dropped = entry->number;
	list_remove(table, place);
	slot_free(table, place);
	free(entry->stack);
	entry->number += 1U << STACK_PLACE_BITS;
	return place;
}

struct stack_added stack_table_add(struct stack_table *table, const struct event_stack *e)
{
	struct stack_added added = {0};
	uint32_t hash = hash_of(table, e), place = slot_find(table, e, hash)->place;
	struct entry *entry;

	if (!place) {
		struct stack *stack = stack_new(e);

		place = stack ? place_take(table, &added.dropped) : 0;
		if (!place) {
			free(stack);
			table->refused++;
			return added;
		}
		entry = entry_of(table, place);
		entry->stack = stack;
		entry->hash = hash;
		entry->uses = 0;
		*slot_find(table, e, hash) = (struct slot){.hash = hash, .place = place};
		added.is_new = true;
	} else {
		entry = entry_of(table, place);
		if (!entry->uses)
			list_remove(table, place);
	}
	entry->uses++;
	added.number = entry->number;
	return added;
}

static struct entry *entry_find(const struct stack_table *table, uint32_t number)
{
	uint32_t place = STACK_PLACE(number);

	if (!place || place > table->count || entry_of(table, place)->number != number)
		return NULL;
	return entry_of(table, place);
}

void stack_table_release(struct stack_table *table, uint32_t number)
{
	struct entry *entry = entry_find(table, number);

	if (entry && !--entry->uses)
		list_add(table, STACK_PLACE(number));
}

const struct stack *stack_table_get(const struct stack_table *table, uint32_t number)
{
	const struct entry *entry = entry_find(table, number);

	return entry ? entry->stack : NULL;
}

size_t stack_table_count(const struct stack_table *table)
{
	return table->count;
}

uint64_t stack_table_refused(const struct stack_table *table)
{
	return table->refused;
}
