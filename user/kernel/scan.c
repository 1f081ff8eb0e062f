// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/scan.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* In this order. */
enum scan_part {
	PART_NONE,
	PART_DESCRIPTORS,
	PART_EXISTING,	 /* which network namespaces there are, */
	PART_LIST,	 /* and the processes in them */
	PART_NAMESPACES, /* `next`: of the list */
	PART_UNSEEN,	 /* `next`: of the records */
};

struct scan {
	struct tcpwatch *skeleton;
	struct scan_request request;
	enum scan_part part;
	struct iterator iterator; /* what is being read, if anything */
	struct netns reading;	  /* the namespace that it is of */
	struct netns_list list;	  /* the first one is our own */
	size_t next;
	size_t records;	    /* at the beginning of PART_UNSEEN */
	struct netns tried; /* in PART_UNSEEN: the latest */
	int home_fd;
};

/* Where a scan adds its records. */
struct adding {
	const struct scan *scan;
	struct scan_result *result;
};

/* The TCP tables tell the whole queue, and a moment later: only one of both is told. */
static int add_record(void *context, const void *record)
{
	const struct adding *adding = context;
	const struct event_header *header = record;

	if (header->kind == EVENT_SCAN_QUEUE && adding->scan->part == PART_DESCRIPTORS &&
	    scan_request_has_netns(&adding->scan->request, header->netns))
		return 0;
	return scan_result_add(adding->result, record, sizeof(struct event_scan));
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

/* Begins to read a namespace, or says why it does not. Returns 0 in both cases, or a negative
 * errno.
 */
static int begin_netns(struct scan *scan, const struct netns *netns)
{
	const struct bpf_link *link = scan->skeleton->links.scan_tcp;
	int fd;

	scan->reading = *netns;
	if (netns == scan->list.items)
		return iterator_open(&scan->iterator, link, sizeof(struct event_scan));
	fd = open_in_netns(link, scan->home_fd, netns);
	if (fd >= 0) {
		iterator_begin(&scan->iterator, fd, sizeof(struct event_scan));
		return 0;
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

static bool is_wanted(const struct scan *scan, uint32_t netns, const struct scan_result *result)
{
	return scan_request_has_netns(&scan->request, netns) &&
	       !scan_result_has_seen(result, netns);
}

/* Our own namespace comes first. Returns as begin(). */
static int begin_list(struct scan *scan)
{
	struct netns own = {.pid = (uint32_t)getpid()};
	struct stat home;
	int err;

	scan->home_fd = netns_home();
	if (scan->home_fd < 0)
		return scan->home_fd;
	if (fstat(scan->home_fd, &home))
		return -errno;
	own.inode = (uint32_t)home.st_ino;
	err = netns_list_add(&scan->list, &own);
	if (err)
		return err;
	if (!scan->skeleton->links.scan_namespaces)
		return 0;
	return iterator_open(&scan->iterator, scan->skeleton->links.scan_namespaces,
			     sizeof(struct event_namespace));
}

/* The next one of the list. Returns as begin(). */
static int begin_listed(struct scan *scan, struct scan_result *result)
{
	while (scan->next < scan->list.count) {
		const struct netns *netns = &scan->list.items[scan->next++];

		if (is_wanted(scan, netns->inode, result))
			return begin_netns(scan, netns);
	}
	return 1;
}

/*
 * Finds sockets, by their descriptors, in namespaces whose TCP tables were not read: other sockets
 * there are not seen. A namespace whose process came or ended during the scan is none of these.
 * Returns as begin().
 */
static int begin_unseen(struct scan *scan, struct scan_result *result)
{
	uint32_t seen = scan->list.items->inode;

	for (; scan->next < scan->records; scan->next++) {
		const struct event_scan *record = &result->records[scan->next];
		const struct netns netns = {.inode = record->header.netns,
					    .pid = record->task.tgid};

		if (netns.inode == seen) /* as most neighbours */
			continue;
		if (!is_wanted(scan, netns.inode, result)) {
			seen = netns.inode;
			continue;
		}
		if (netns.inode != scan->tried.inode || netns.pid != scan->tried.pid) {
			scan->tried = netns;
			if (netns.pid)
				return begin_netns(scan, &netns);
		}
		if (!has_ended(netns.pid))
			warn_of(&netns, "none of its processes can be inspected");
	}
	return 1;
}

/* Begins what is next in this part. Returns 0, 1 where nothing is left of it, or a negative errno.
 */
static int begin(struct scan *scan, struct scan_result *result)
{
	switch (scan->part) {
	case PART_DESCRIPTORS:
		return scan->next++ ? 1
				    : iterator_open(&scan->iterator, scan->skeleton->links.scan_fds,
						    sizeof(struct event_scan));
	case PART_EXISTING:
		return scan->next++ ? 1 : begin_list(scan);
	case PART_LIST:
		return scan->next++
			       ? 1
			       : iterator_open(&scan->iterator, scan->skeleton->links.scan_tasks,
					       sizeof(struct event_netns));
	case PART_NAMESPACES:
		return begin_listed(scan, result);
	case PART_UNSEEN:
		return begin_unseen(scan, result);
	default:
		return 1;
	}
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

/* Which part comes after this one; PART_NONE at the end. */
static enum scan_part part_after(const struct scan *scan)
{
	if (scan->part == PART_NONE && scan->request.descriptors)
		return PART_DESCRIPTORS;
	if (scan->part < PART_EXISTING)
		return scan_request_tables(&scan->request) ? PART_EXISTING : PART_NONE;
	return scan->part < PART_UNSEEN ? scan->part + 1 : PART_NONE;
}

/* Reads on what has been begun. Returns 0 at its end, 1 where there is more, or a negative errno.
 */
static int read_on(struct scan *scan, uint64_t until_ns, struct scan_result *result)
{
	iterator_sink sink = scan->part == PART_EXISTING ? iterator_add_existing
			     : scan->part == PART_LIST	 ? iterator_add_namespace
							 : add_record;
	bool list = scan->part == PART_EXISTING || scan->part == PART_LIST;
	struct adding adding = {.scan = scan, .result = result};
	int err = iterator_step(&scan->iterator, until_ns, sink,
				list ? (void *)&scan->list : &adding);

	if (err > 0)
		return err;
	iterator_close(&scan->iterator);
	if (!err && scan->part >= PART_NAMESPACES)
		err = scan_result_add_seen(result, scan->reading.inode);
	return err;
}

/* Returns 0 at the end of the scan, 1 where there is more, or a negative errno. */
static int go_on(struct scan *scan, uint64_t until_ns, struct scan_result *result)
{
	int err;

	if (scan->iterator.fd >= 0) {
		err = read_on(scan, until_ns, result);
		return err < 0 ? err : 1;
	}
	err = begin(scan, result);
	if (err <= 0)
		return err < 0 ? err : 1;
	scan->part = part_after(scan);
	scan->next = 0;
	scan->records = result->count;
	return scan->part != PART_NONE;
}

static int go_on_timed(struct scan *scan, uint64_t until_ns, struct scan_result *result)
{
	bool tables = scan->part != PART_DESCRIPTORS;
	uint64_t began_ns = clock_cpu_time();
	int err = go_on(scan, until_ns, result);

	*(tables ? &result->tables_ns : &result->descriptors_ns) += clock_cpu_time() - began_ns;
	return err;
}

struct scan *scan_new(struct tcpwatch *skeleton)
{
	struct scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	scan->skeleton = skeleton;
	scan->home_fd = -1;
	scan->iterator.fd = -1;
	return scan;
}

void scan_free(struct scan *scan)
{
	if (scan)
		scan_end(scan);
	free(scan);
}

void scan_begin(struct scan *scan, const struct scan_request *request, struct scan_result *result)
{
	scan_end(scan);
	scan->request = *request;
	scan->part = part_after(scan);
	if (!result->started_ns)
		result->started_ns = clock_now();
	result->ended_ns = result->started_ns;
	result->tick_ns = clock_tick_ns();
}

int scan_step(struct scan *scan, uint64_t until_ns, struct scan_result *result)
{
	struct tcpwatch *skeleton = scan->skeleton;
	int err = scan->part != PART_NONE;

	skeleton->data->scan_until_ns = until_ns;
	while (err > 0) {
		skeleton->bss->scan_states =
			scan_request_states(&scan->request, scan->part == PART_DESCRIPTORS);
		skeleton->bss->scan_mini_states = scan->request.mini_states;
		skeleton->bss->scan_queues = scan->request.queues;
		err = go_on_timed(scan, until_ns, result);
		if (clock_now() >= until_ns)
			break;
	}
	skeleton->data->scan_until_ns = UINT64_MAX; /* others use these iterators as well */
	if (!err && scan->request.all_tables) {
		err = add_unseen(&scan->list, result);
		if (scan->request.descriptors)
			netns_unseen_next(&missed);
	}
	result->ended_ns = clock_now();
	if (err <= 0)
		scan_end(scan);
	if (err < 0)
		scan_result_clear(result);
	return err;
}

void scan_end(struct scan *scan)
{
	iterator_close(&scan->iterator);
	netns_list_clear(&scan->list);
	if (scan->home_fd >= 0)
		close(scan->home_fd);
	scan->home_fd = -1;
	scan->part = PART_NONE;
	scan->next = 0;
	scan->tried = (struct netns){0};
}
