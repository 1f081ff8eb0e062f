/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SOURCE_LIVE_H
#define TCPWATCH_SOURCE_LIVE_H

#include "model/options.h"
#include "model/source.h"

/*
 * Makes the source that reads the kernel: loads and attaches the BPF programs. Returns 0, or a
 * negative errno after a message on stderr with cause, evidence and a remedy; then nothing is left
 * attached. The caller frees *source with its ops->free().
 */
int source_live_new(struct source **source, const struct options *options);

/* A descriptor that is readable when the ring must be drained before the timer, or when a Go
 * program changed. It stays the source's. */
int source_live_epoll_fd(const struct source *source);

#endif
