// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/memory.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"

struct socket_entry {
	uint64_t cookie;
	struct replay_socket socket;
	UT_hash_handle hh;
};

struct task_entry {
	uint32_t pid;
	struct event_task task;
	UT_hash_handle hh;
};

struct replay_memory {
	struct socket_entry *sockets;
	struct task_entry *tasks;
};

struct replay_memory *replay_memory_new(void)
{
	return calloc(1, sizeof(struct replay_memory));
}

void replay_memory_free(struct replay_memory *memory)
{
	struct socket_entry *socket, *next_socket;
	struct task_entry *task, *next_task;

	if (!memory)
		return;
	HASH_ITER (hh, memory->sockets, socket, next_socket) {
		HASH_DEL(memory->sockets, socket);
		free(socket);
	}
	HASH_ITER (hh, memory->tasks, task, next_task) {
		HASH_DEL(memory->tasks, task);
		free(task);
	}
	free(memory);
}

struct replay_socket *replay_memory_socket(struct replay_memory *memory, uint64_t cookie)
{
	struct socket_entry *entry;

	HASH_FIND(hh, memory->sockets, &cookie, sizeof(cookie), entry);
	if (entry)
		return &entry->socket;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->cookie = cookie;
	HASH_ADD(hh, memory->sockets, cookie, sizeof(entry->cookie), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	return &entry->socket;
}

static struct task_entry *task_find(struct replay_memory *memory, uint32_t pid)
{
	struct task_entry *entry;

	HASH_FIND(hh, memory->tasks, &pid, sizeof(pid), entry);
	return entry;
}

const struct event_task *replay_memory_task(struct replay_memory *memory, uint32_t pid)
{
	const struct task_entry *entry = task_find(memory, pid);

	return entry ? &entry->task : NULL;
}

int replay_memory_add_task(struct replay_memory *memory, const struct event_task *task)
{
	struct task_entry *entry = task_find(memory, task->tgid);

	if (entry) {
		entry->task = *task;
		return 0;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->pid = task->tgid;
	entry->task = *task;
	HASH_ADD(hh, memory->tasks, pid, sizeof(entry->pid), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	return 0;
}
