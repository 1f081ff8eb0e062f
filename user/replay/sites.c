// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/sites.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "replay/symbol.h"
#include "replay/source_replay.h"

struct replay_stack {
	uint32_t number;
	bool asked;
	uint64_t ready_ns; /* when the names are known, if asked */
	struct call_stack stack;
	struct call_frame *frames; /* of `stack`; the log owns their names */
	UT_hash_handle hh;
	uint16_t count;
	uint64_t ips[EVENT_STACK_FRAMES];
};

struct replay_sites {
	struct call_sites base;
	struct source *source;
	struct replay_stack *stacks;
};

static struct replay_sites *replay_of(const struct call_sites *sites)
{
	return (struct replay_sites *)sites;
}

static uint64_t now(const struct replay_sites *sites)
{
	return sites->source->ops->now(sites->source);
}

static void replay_forked(struct call_sites *sites, const struct event_fork *e)
{
	(void)sites;
	(void)e;
}

static void replay_taken(struct call_sites *base, uint32_t number, const struct event_stack *e)
{
	struct replay_sites *sites = replay_of(base);
	struct replay_stack *stack;

	HASH_FIND(hh, sites->stacks, &number, sizeof(number), stack);
	if (stack)
		return;
	stack = calloc(1, sizeof(*stack));
	if (!stack)
		return;
	stack->number = number;
	stack->stack.how = e->how;
	stack->count = e->count;
	memcpy(stack->ips, e->frames, e->count * sizeof(*e->frames));
	HASH_ADD(hh, sites->stacks, number, sizeof(stack->number), stack);
	if (!stack->hh.tbl)
		free(stack);
}

static void replay_dropped(struct call_sites *base, uint32_t number)
{
	struct replay_sites *sites = replay_of(base);
	struct replay_stack *stack;

	HASH_FIND(hh, sites->stacks, &number, sizeof(number), stack);
	if (!stack)
		return;
	HASH_DEL(sites->stacks, stack);
	free(stack->frames);
	free(stack);
}

static void add_frames(struct replay_stack *stack, uint64_t ip, const struct replay_symbol *symbol)
{
	struct call_frame *to = stack->frames + stack->stack.count;

	if (!symbol) {
		to->ip = ip;
		stack->stack.count++;
		return;
	}
	memcpy(to, symbol->frames, symbol->count * sizeof(*to));
	stack->stack.count += symbol->count;
	stack->stack.is_short |= symbol->is_short;
}

/* All names are known when the slowest symbol is. */
static void look_up(struct replay_sites *sites, struct replay_stack *stack)
{
	uint64_t after_ns = 0;

	stack->asked = true;
	stack->frames = calloc(stack->count * (size_t)REPLAY_SYMBOL_FRAMES, sizeof(*stack->frames));
	for (size_t i = 0; stack->frames && i < stack->count; i++) {
		const struct replay_symbol *symbol =
			source_replay_symbol(sites->source, stack->ips[i]);

		add_frames(stack, stack->ips[i], symbol);
		if (symbol && symbol->after_ns > after_ns)
			after_ns = symbol->after_ns;
	}
	stack->stack.frames = stack->frames;
	stack->ready_ns = now(sites) + after_ns;
}

static const struct call_stack *replay_names(struct call_sites *base, uint32_t number)
{
	struct replay_sites *sites = replay_of(base);
	struct replay_stack *stack;

	HASH_FIND(hh, sites->stacks, &number, sizeof(number), stack);
	if (!stack)
		return NULL;
	if (!stack->asked)
		look_up(sites, stack);
	return stack->ready_ns <= now(sites) ? &stack->stack : NULL;
}

static int replay_fd(const struct call_sites *sites)
{
	(void)sites;
	return -1;
}

static void replay_run_sites(struct call_sites *base)
{
	struct replay_sites *sites = replay_of(base);
	uint64_t next_ns = UINT64_MAX;

	for (struct replay_stack *stack = sites->stacks; stack; stack = stack->hh.next)
		if (stack->asked && stack->ready_ns > now(sites) && stack->ready_ns < next_ns)
			next_ns = stack->ready_ns;
	if (next_ns != UINT64_MAX)
		source_replay_advance(sites->source, next_ns);
}

static void replay_free(struct call_sites *base)
{
	struct replay_sites *sites = replay_of(base);
	struct replay_stack *stack, *next;

	HASH_ITER (hh, sites->stacks, stack, next) {
		HASH_DEL(sites->stacks, stack);
		free(stack->frames);
		free(stack);
	}
	free(sites);
}

static const struct call_sites_ops ops = {
	.forked = replay_forked,
	.taken = replay_taken,
	.dropped = replay_dropped,
	.names = replay_names,
	.fd = replay_fd,
	.run = replay_run_sites,
	.free = replay_free,
};

struct call_sites *replay_sites_new(struct source *source)
{
	struct replay_sites *sites = calloc(1, sizeof(*sites));

	if (!sites)
		return NULL;
	sites->base.ops = &ops;
	sites->source = source;
	return &sites->base;
}
