// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/scan.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "host/netns.h"
#include "kernel/privileges.h"
#include "tcpwatch.skel.h"

/* More than a read can return: the kernel's buffer has 8 pages (bpf_seq_read() in
 * kernel/bpf/bpf_iter.c). */
#define READ_SIZE (64 * 1024)

/* Reads an iterator to its end. The end of a read can split a record. */
static int read_records(int fd, struct scan_result *result)
{
	_Alignas(8) char buffer[READ_SIZE];
	size_t kept = 0;

	for (;;) {
		ssize_t got = read(fd, buffer + kept, sizeof(buffer) - kept);
		size_t size, used = 0;

		/* EAGAIN: the kernel has walked over a million objects without a record, and goes
		 * on at the next read. */
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return got < 0 ? -errno : kept ? -EPROTO : 0;
		size = kept + (size_t)got;
		for (; size - used >= sizeof(struct event_scan);
		     used += sizeof(struct event_scan)) {
			int err = scan_result_add(result, buffer + used, sizeof(struct event_scan));

			if (err)
				return err;
		}
		kept = size - used;
		memmove(buffer, buffer + used, kept);
	}
}

static int run_iterator(const struct bpf_link *link, struct scan_result *result)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	int err;

	if (fd < 0)
		return -errno;
	err = read_records(fd, result);
	close(fd);
	return err;
}

struct making {
	const struct bpf_link *link;
	int fd;
};

static void make_iterator(void *context)
{
	struct making *making = context;

	making->fd = bpf_iter_create(bpf_link__fd(making->link));
	if (making->fd < 0)
		making->fd = -errno;
}

/* Creates the iterator inside the namespace. It stays with that namespace wherever it is read. */
static int open_in_netns(const struct bpf_link *link, int home_fd, uint32_t pid)
{
	struct making making = {.link = link};
	int err = netns_enter(home_fd, pid, make_iterator, &making);

	return err ? err : making.fd;
}

/* Reports, once, a namespace that cannot be entered. */
static void warn_of(const struct netns *netns, const char *why)
{
	static struct netns_list warned;

	/* privileges_costs() has reported all of them at the start. */
	if (!privileges_has(CAP_SYS_ADMIN) || !privileges_has(CAP_SYS_PTRACE))
		return;
	if (netns_list_has(&warned, netns->inode))
		return;
	journal_say(SD_WARNING,
		    "cannot enter network namespace %u (of pid %u): %s; its sockets without a "
		    "descriptor are not seen",
		    netns->inode, netns->pid, why);
	netns_list_add(&warned, netns);
}

static int scan_netns(const struct bpf_link *link, int home_fd, const struct netns *netns,
		      struct scan_result *result)
{
	int fd = open_in_netns(link, home_fd, netns->pid), err;

	if (fd >= 0) {
		err = read_records(fd, result);
		close(fd);
		return err ? err : scan_result_add_seen(result, netns->inode);
	}
	if (fd == -ENOENT || fd == -ESRCH) /* the process has ended meanwhile */
		return 0;
	warn_of(netns, strerror(-fd));
	result->some_unseen = true;
	return 0;
}

/* Finds sockets, by their descriptors, in namespaces whose TCP tables were not read: other sockets
 * there are not seen. */
static void look_for_unseen(struct scan_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct event_scan *record = &result->records[i];
		const struct netns netns = {.inode = record->header.netns,
					    .pid = record->task.tgid};

		if (scan_result_has_seen(result, netns.inode))
			continue;
		warn_of(&netns, "none of its processes can be inspected");
		result->some_unseen = true;
	}
}

static int scan_tables(const struct bpf_link *link, struct scan_result *result)
{
	struct netns_list list = {0};
	int home_fd, err;
	struct stat home;

	err = run_iterator(link, result);
	if (err)
		return err;
	home_fd = netns_home();
	if (home_fd < 0)
		return home_fd;
	err = fstat(home_fd, &home) ? -errno : netns_list_read(&list);
	if (!err)
		err = scan_result_add_seen(result, (uint32_t)home.st_ino);
	for (size_t i = 0; !err && i < list.count; i++)
		if (list.items[i].inode != home.st_ino)
			err = scan_netns(link, home_fd, &list.items[i], result);
	if (!err)
		look_for_unseen(result);
	netns_list_clear(&list);
	close(home_fd);
	return err;
}

int scan_run(struct tcpwatch *skeleton, const struct scan_request *request,
	     struct scan_result *result)
{
	int err = 0;

	skeleton->bss->scan_states = request->states;
	skeleton->bss->scan_mini_states = request->mini_states;
	result->tick_ns = clock_tick_ns();
	result->started_ns = clock_now();
	if (request->descriptors)
		err = run_iterator(skeleton->links.scan_fds, result);
	if (!err && request->tables)
		err = scan_tables(skeleton->links.scan_tcp, result);
	result->ended_ns = clock_now();
	if (err)
		scan_result_clear(result);
	return err;
}
