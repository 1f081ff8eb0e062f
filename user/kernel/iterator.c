// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/iterator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "event.h"

/* More than a read can return: the kernel's buffer has 8 pages (bpf_seq_read() in
 * kernel/bpf/bpf_iter.c). */
#define READ_SIZE (64 * 1024)

int iterator_read(int fd, size_t size, iterator_sink sink, void *context)
{
	_Alignas(8) char buffer[READ_SIZE];
	size_t kept = 0; /* the end of a read can split a record */

	for (;;) {
		ssize_t got = read(fd, buffer + kept, sizeof(buffer) - kept);
		size_t have, used = 0;

		/* EAGAIN: the kernel has walked over a million objects without a record, and goes
		 * on at the next read. */
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return got < 0 ? -errno : kept ? -EPROTO : 0;
		have = kept + (size_t)got;
		for (; have - used >= size; used += size) {
			int err = sink(context, buffer + used);

			if (err)
				return err;
		}
		kept = have - used;
		memmove(buffer, buffer + used, kept);
	}
}

int iterator_run(const struct bpf_link *link, size_t size, iterator_sink sink, void *context)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	int err;

	if (fd < 0)
		return -errno;
	err = iterator_read(fd, size, sink, context);
	close(fd);
	return err;
}

static int add_existing(void *context, const void *record)
{
	const struct event_namespace *e = record;
	const struct netns netns = {.inode = e->netns, .id = e->id};
	struct netns_list *list = context;

	if (e->netns)
		return netns_list_add(list, &netns);
	list->complete = true;
	return 0;
}

static int add_namespace(void *context, const void *record)
{
	const struct event_netns *e = record;
	const struct netns netns = {.inode = e->netns, .pid = e->pid, .thread = e->thread};
	struct netns_list *list = context;

	return netns_list_learn(list, &netns);
}

int iterator_namespaces(const struct bpf_link *tasks, const struct bpf_link *namespaces,
			struct netns_list *list)
{
	int err = 0;

	if (namespaces)
		err = iterator_run(namespaces, sizeof(struct event_namespace), add_existing, list);
	return err ? err : iterator_run(tasks, sizeof(struct event_netns), add_namespace, list);
}
