// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/pending.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct names_wait {
	uint32_t stack;
	uint64_t since_ns;
	UT_hash_handle hh;
};

static bool is_in_time(const struct names_wait *wait, uint64_t now_ns)
{
	return now_ns < wait->since_ns + LEAK_NAMES_WAIT;
}

static void wait_free(struct leak_names *names, struct names_wait *wait)
{
	HASH_DEL(names->waits, wait);
	free(wait);
}

/* NULL without memory. */
static struct names_wait *wait_new(struct leak_names *names, uint32_t stack, uint64_t now_ns)
{
	struct names_wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return NULL;
	wait->stack = stack;
	wait->since_ns = now_ns;
	HASH_ADD(hh, names->waits, stack, sizeof(wait->stack), wait);
	if (!wait->hh.tbl) {
		free(wait);
		return NULL;
	}
	return wait;
}

const struct call_stack *leak_names_get(struct leak_names *names, uint32_t stack, uint64_t now_ns,
					bool *wait)
{
	const struct call_stack *named;
	struct names_wait *found;

	*wait = false;
	if (!names->ask || !stack)
		return NULL;
	named = names->ask(names->context, stack);
	HASH_FIND(hh, names->waits, &stack, sizeof(stack), found);
	if (named && found)
		wait_free(names, found);
	if (named)
		return named;
	if (!found)
		found = wait_new(names, stack, now_ns);
	/* Once the names took too long, later leaks of this stack do not wait for them. */
	*wait = found && is_in_time(found, now_ns);
	return NULL;
}

static const char go_pool[] = "net/http.(*Transport).";

bool leak_names_reads_idle(const struct leak_names *names, const struct stack_table *stacks,
			   uint32_t stack)
{
	const struct stack *taken = stacks && stack ? stack_table_get(stacks, stack) : NULL;
	const struct call_stack *named;

	if (taken && taken->how == STACK_REQUEST)
		return true;
	named = names->ask && stack ? names->ask(names->context, stack) : NULL;
	for (size_t i = 0; named && i < named->count; i++)
		if (named->frames[i].function &&
		    !strncmp(named->frames[i].function, go_pool, sizeof(go_pool) - 1))
			return true;
	return false;
}

bool leak_names_outstanding(struct leak_names *names, uint64_t now_ns)
{
	struct names_wait *wait, *next;
	bool outstanding = false;

	HASH_ITER (hh, names->waits, wait, next) {
		if (names->ask(names->context, wait->stack))
			wait_free(names, wait);
		else if (is_in_time(wait, now_ns))
			outstanding = true;
	}
	return outstanding;
}

void leak_names_clear(struct leak_names *names)
{
	struct names_wait *wait, *next;

	HASH_ITER (hh, names->waits, wait, next)
		wait_free(names, wait);
}

bool leak_pending_add(struct leak_pending *pending, const struct leak *leak,
		      struct process *process, const struct tcp_socket *socket)
{
	struct pending_leak *copy;

	if (pending->count >= LEAK_PENDING_LIMIT)
		return false;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return false;
	copy->leak = *leak;
	copy->flow = *leak->flow;
	copy->leak.flow = &copy->flow;
	copy->leak.holders = NULL;
	copy->leak.holder_count = 0;
	copy->leak.holder_total = 0;
	copy->leak.listener = NULL;
	copy->process = process;
	copy->stack = socket->stack;
	copy->left = socket->left;
	if (process)
		process->sockets++;
	if (!pending->head)
		pending->end = &pending->head;
	*pending->end = copy;
	pending->end = &copy->next;
	pending->count++;
	return true;
}

void leak_pending_run(struct leak_pending *pending,
		      bool (*ready)(void *context, struct pending_leak *leak), void *context)
{
	struct pending_leak **at = &pending->head;

	while (*at) {
		struct pending_leak *leak = *at;

		if (!ready(context, leak)) {
			at = &leak->next;
			continue;
		}
		*at = leak->next;
		if (leak->process)
			leak->process->sockets--;
		free(leak);
		pending->count--;
	}
	pending->end = at;
}

void leak_pending_clear(struct leak_pending *pending)
{
	struct pending_leak *leak, *next;

	for (leak = pending->head; leak; leak = next) {
		next = leak->next;
		free(leak);
	}
	memset(pending, 0, sizeof(*pending));
}
