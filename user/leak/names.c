// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/names.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct names_wait {
	uint32_t stack;
	uint64_t since_ns;
	UT_hash_handle hh;
};

static bool is_worth_it(const struct names_wait *wait, uint64_t now_ns)
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
	/* Once it took too long, the next leaks of this stack do not wait at all. */
	*wait = found && is_worth_it(found, now_ns);
	return NULL;
}

bool leak_names_outstanding(struct leak_names *names, uint64_t now_ns)
{
	struct names_wait *wait, *next;
	bool outstanding = false;

	HASH_ITER (hh, names->waits, wait, next) {
		if (names->ask(names->context, wait->stack))
			wait_free(names, wait);
		else if (is_worth_it(wait, now_ns))
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
