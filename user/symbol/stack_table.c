// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/stack_table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Stacks are stored one behind the other, in blocks of this many bytes. */
#define BLOCK_SIZE  (256 * 1024)
#define FIRST_SLOTS 256

struct block {
	struct block *next;
	size_t used;
	_Alignas(uint64_t) unsigned char bytes[BLOCK_SIZE - 2 * sizeof(size_t)];
};

struct slot {
	uint32_t hash;
	uint32_t id; /* 0 = free */
};

struct stack_table {
	struct block *blocks; /* the one that still has room comes first */
	struct slot *slots;   /* open addressing; at most half of them are taken */
	struct stack **by_id; /* as many as half the slots */
	size_t slot_count;    /* a power of two */
	size_t count;
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
	table->slot_count = FIRST_SLOTS;
	table->slots = calloc(table->slot_count, sizeof(*table->slots));
	table->by_id = calloc(table->slot_count / 2, sizeof(struct stack *));
	if (table->slots && table->by_id)
		return table;
	stack_table_free(table);
	return NULL;
}

void stack_table_free(struct stack_table *table)
{
	if (!table)
		return;
	while (table->blocks) {
		struct block *next = table->blocks->next;

		free(table->blocks);
		table->blocks = next;
	}
	free(table->by_id);
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
		if (!slot->id || (slot->hash == hash && is_same(table->by_id[slot->id - 1], e)))
			return slot;
	}
}

/* Doubles the slots. Returns false without memory; nothing has changed then. */
static bool grow(struct stack_table *table)
{
	size_t slot_count = table->slot_count * 2, mask = slot_count - 1;
	struct slot *slots = calloc(slot_count, sizeof(*slots));
	struct stack **by_id = reallocarray(table->by_id, slot_count / 2, sizeof(*by_id));

	if (by_id)
		table->by_id = by_id;
	if (!slots || !by_id) {
		free(slots);
		return false;
	}
	for (size_t i = 0; i < table->slot_count; i++) {
		size_t to = table->slots[i].hash & mask;

		if (!table->slots[i].id)
			continue;
		while (slots[to].id)
			to = (to + 1) & mask;
		slots[to] = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	return true;
}

static void *block_take(struct stack_table *table, size_t size)
{
	struct block *block = table->blocks;

	if (!block || sizeof(block->bytes) - block->used < size) {
		block = malloc(sizeof(*block));
		if (!block)
			return NULL;
		block->next = table->blocks;
		block->used = 0;
		table->blocks = block;
	}
	block->used += size;
	return block->bytes + block->used - size;
}

static struct stack *stack_new(struct stack_table *table, const struct event_stack *e)
{
	size_t size = e->count * sizeof(e->frames[0]);
	struct stack *stack;

	if (table->count == STACK_TABLE_LIMIT)
		return NULL;
	if (table->count == table->slot_count / 2 && !grow(table))
		return NULL;
	stack = block_take(table, sizeof(*stack) + size);
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

uint32_t stack_table_add(struct stack_table *table, const struct event_stack *e, bool *is_new)
{
	uint32_t hash = hash_of(table, e);
	struct slot *slot = slot_find(table, e, hash);
	struct stack *stack;

	*is_new = false;
	if (slot->id)
		return slot->id;
	stack = stack_new(table, e);
	if (!stack) {
		table->refused++;
		return 0;
	}
	slot = slot_find(table, e, hash); /* growing has moved the slots */
	table->by_id[table->count++] = stack;
	*slot = (struct slot){.hash = hash, .id = (uint32_t)table->count};
	*is_new = true;
	return slot->id;
}

const struct stack *stack_table_get(const struct stack_table *table, uint32_t id)
{
	return id && id <= table->count ? table->by_id[id - 1] : NULL;
}

size_t stack_table_count(const struct stack_table *table)
{
	return table->count;
}

uint64_t stack_table_refused(const struct stack_table *table)
{
	return table->refused;
}
