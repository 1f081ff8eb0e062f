// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/scan.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "host/netns.h"
#include "host/netns_unseen.h"
#include "kernel/iterator.h"
#include "kernel/privileges.h"
#include "tcpwatch.skel.h"

static int add_record(void *context, const void *record)
{
	return scan_result_add(context, record, sizeof(struct event_scan));
}

static int read_records(int fd, struct scan_result *result)
{
	return iterator_read(fd, sizeof(struct event_scan), add_record, result);
}

static int run_iterator(const struct bpf_link *link, struct scan_result *result)
{
	return iterator_run(link, sizeof(struct event_scan), add_record, result);
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
static int open_in_netns(const struct bpf_link *link, int home_fd, const struct netns *netns)
{
	struct making making = {.link = link};
	int err = netns_enter(home_fd, netns, make_iterator, &making);

	return err ? err : making.fd;
}

static struct netns_unseen missed;

/* Reports, once, a namespace that cannot be entered. */
static void warn_of(const struct netns *netns, const char *why)
{
	char costs[PRIVILEGES_TEXT_LEN];

	if (privileges_costs(costs)) /* that was reported at the start, for all of them */
		return;
	if (netns_unseen_note(&missed, netns))
		journal_say(SD_WARNING,
			    "cannot enter network namespace %u (of pid %u): %s; its sockets "
			    "without a descriptor are not seen",
			    netns->inode, netns->pid, why);
}

static int scan_netns(const struct bpf_link *link, int home_fd, const struct netns *netns,
		      struct scan_result *result)
{
	int fd = open_in_netns(link, home_fd, netns), err;

	if (fd >= 0) {
		err = read_records(fd, result);
		close(fd);
		return err ? err : scan_result_add_seen(result, netns->inode);
	}
	if (fd == -ESRCH) /* the process has ended, or has left the namespace meanwhile */
		return 0;
	warn_of(netns, strerror(-fd));
	return 0;
}

static bool has_ended(uint32_t pid)
{
	return kill((pid_t)pid, 0) && errno == ESRCH;
}

/*
 * Finds sockets, by their descriptors, in namespaces whose TCP tables were not read: other sockets
 * there are not seen. A namespace whose process came or ended during the scan is none of these.
 */
static int look_for_unseen(const struct bpf_link *link, int home_fd, struct scan_result *result)
{
	size_t count = result->count;
	struct netns tried = {0};
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		const struct netns netns = {.inode = result->records[i].header.netns,
					    .pid = result->records[i].task.tgid};

		if (scan_result_has_seen(result, netns.inode) ||
		    (netns.inode == tried.inode && netns.pid == tried.pid))
			continue;
		tried = netns;
		if (netns.pid)
			err = scan_netns(link, home_fd, &netns, result);
		if (err || scan_result_has_seen(result, netns.inode) || has_ended(netns.pid))
			continue;
		warn_of(&netns, "none of its processes can be inspected");
	}
	return err;
}

/* Notes which namespaces exist, so that others are known to be gone. */
static int add_unseen(const struct netns_list *list, struct scan_result *result)
{
	int err = 0;

	for (size_t i = 0; !err && i < list->count; i++)
		if (!scan_result_has_seen(result, list->items[i].inode))
			err = scan_result_add_unseen(result, list->items[i].inode);
	result->others_gone = list->complete;
	return err;
}

static int scan_tables(const struct tcpwatch *skeleton, struct scan_result *result)
{
	const struct bpf_link *link = skeleton->links.scan_tcp;
	struct netns_list list = {0};
	int home_fd, err;
	struct stat home;

	err = run_iterator(link, result);
	if (err)
		return err;
	home_fd = netns_home();
	if (home_fd < 0)
		return home_fd;
	err = fstat(home_fd, &home) ? -errno
				    : iterator_namespaces(skeleton->links.scan_tasks,
							  skeleton->links.scan_namespaces, &list);
	if (!err)
		err = scan_result_add_seen(result, (uint32_t)home.st_ino);
	for (size_t i = 0; !err && i < list.count; i++)
		if (list.items[i].inode != home.st_ino)
			err = scan_netns(link, home_fd, &list.items[i], result);
	if (!err)
		err = look_for_unseen(link, home_fd, result);
	if (!err)
		err = add_unseen(&list, result);
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
		err = scan_tables(skeleton, result);
	if (request->tables && request->descriptors)
		netns_unseen_next(&missed);
	result->ended_ns = clock_now();
	if (err)
		scan_result_clear(result);
	return err;
}
