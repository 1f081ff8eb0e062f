/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ITERATOR_H
#define TCPWATCH_ITERATOR_H

#include <stddef.h>

#include "host/netns.h"

struct bpf_link;

/* Takes one record. Returns 0, or a negative errno, which ends the reading. */
typedef int (*iterator_sink)(void *context, const void *record);

/* Reads a BPF iterator that writes records of `size` bytes, to its end. Returns 0 or a negative
 * errno. */
int iterator_read(int fd, size_t size, iterator_sink sink, void *context);

/* Creates the link's iterator, and reads it. */
int iterator_run(const struct bpf_link *link, size_t size, iterator_sink sink, void *context);

/*
 * Fills an empty list with the network namespaces of all processes and threads, by the link of
 * scan_tasks; and with those that exist besides, by that of scan_namespaces, which may be NULL.
 * Returns 0 or a negative errno; the list has those found so far then.
 */
int iterator_namespaces(const struct bpf_link *tasks, const struct bpf_link *namespaces,
			struct netns_list *list);

#endif
