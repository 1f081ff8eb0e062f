/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ITERATOR_H
#define TCPWATCH_ITERATOR_H

#include <stddef.h>
#include <stdint.h>

#include "host/netns.h"

struct bpf_link;

/* Takes one record. Returns 0, or a negative errno, which ends the reading. */
typedef int (*iterator_sink)(void *context, const void *record);

/* More than a read can return where a page has 4 KiB: the kernel's buffer has 8 pages
 * (bpf_seq_read() in kernel/bpf/bpf_iter.c). */
#define ITERATOR_READ_SIZE (64 * 1024)

/* A BPF iterator that is read in parts. */
struct iterator {
	int fd;	     /* -1: none is open */
	size_t size; /* of its records */
	size_t kept; /* the beginning of a record that the end of a read has split */
	_Alignas(8) char buffer[ITERATOR_READ_SIZE];
};

/* Begins with fd, which iterator_close() closes, or with one that the link creates. Returns 0 or a
 * negative errno. */
void iterator_begin(struct iterator *iterator, int fd, size_t size);
int iterator_open(struct iterator *iterator, const struct bpf_link *link, size_t size);
void iterator_close(struct iterator *iterator);

/* Reads on until until_ns (CLOCK_MONOTONIC), which the program must know as well where it seldom
 * finds anything. Returns 0 at the end, 1 where the time was over before, or a negative errno. */
int iterator_step(struct iterator *iterator, uint64_t until_ns, iterator_sink sink, void *context);

/* A sink: adds a network namespace, of struct event_netns, that is not in the list yet. */
int iterator_add_namespace(void *list, const void *record);
/* The same of struct event_namespace, all of which are new. */
int iterator_add_existing(void *list, const void *record);

/*
 * Fills an empty list with the network namespaces of all processes and threads, by the link of
 * scan_tasks; and with those that exist besides, by that of scan_namespaces, which may be NULL.
 * Returns 0 or a negative errno; the list has those found so far then.
 */
int iterator_namespaces(const struct bpf_link *tasks, const struct bpf_link *namespaces,
			struct netns_list *list);

#endif
