// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/pending.h"

#include <stdlib.h>
#include <string.h>

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
