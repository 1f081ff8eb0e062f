// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "event.h"

void iterator_begin(struct iterator *iterator, int fd, size_t size)
{
	iterator->fd = fd;
	iterator->size = size;
	iterator->kept = 0;
}

int iterator_open(struct iterator *iterator, const struct bpf_link *link, size_t size)
{
	iterator_begin(iterator, bpf_iter_create(bpf_link__fd(link)), size);
	return iterator->fd < 0 ? -errno : 0;
}

void iterator_close(struct iterator *iterator)
{
	if (iterator->fd >= 0)
		close(iterator->fd);
	iterator->fd = -1;
}

static int give(struct iterator *iterator, size_t have, iterator_sink sink, void *context)
{
	size_t used = 0;

	for (; have - used >= iterator->size; used += iterator->size) {
		int err = sink(context, iterator->buffer + used);

		if (err)
			return err;
	}
	iterator->kept = have - used;
	memmove(iterator->buffer, iterator->buffer + used, iterator->kept);
	return 0;
}

int iterator_step(struct iterator *iterator, uint64_t until_ns, iterator_sink sink, void *context)
{
	do {
		ssize_t got = read(iterator->fd, iterator->buffer + iterator->kept,
				   sizeof(iterator->buffer) - iterator->kept);
		int err;

		/* EAGAIN: the time is over, or the kernel has walked over a million objects without
		 * a record. It goes on at the next read. */
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return got < 0 ? -errno : iterator->kept ? -EPROTO : 0;
		err = give(iterator, iterator->kept + (size_t)got, sink, context);
		if (err)
			return err;
	} while (clock_now() < until_ns);
	return 1;
}

static int run(const struct bpf_link *link, size_t size, iterator_sink sink, void *context)
{
	struct iterator iterator;
	int err = iterator_open(&iterator, link, size);

	if (err)
		return err;
	err = iterator_step(&iterator, UINT64_MAX, sink, context);
	iterator_close(&iterator);
	return err;
}

int iterator_add_existing(void *context, const void *record)
{
	const struct event_namespace *e = record;
	const struct netns netns = {.inode = e->netns, .id = e->id};
	struct netns_list *list = context;

	if (e->netns)
		return netns_list_add(list, &netns);
	list->complete = true;
	return 0;
}

int iterator_add_namespace(void *list, const void *record)
{
	const struct event_netns *e = record;
	const struct netns netns = {.inode = e->netns, .pid = e->pid, .thread = e->thread};

	return netns_list_learn(list, &netns);
}

int iterator_namespaces(const struct bpf_link *tasks, const struct bpf_link *namespaces,
			struct netns_list *list)
{
	int err = 0;

	if (namespaces)
		err = run(namespaces, sizeof(struct event_namespace), iterator_add_existing, list);
	return err ? err : run(tasks, sizeof(struct event_netns), iterator_add_namespace, list);
}
