/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SOURCE_LIVE_H
#define TCPWATCH_SOURCE_LIVE_H

#include "model/options.h"
#include "model/source.h"

/*
 * Loads and attaches the BPF programs. Returns 0, or a negative errno after a message on stderr
 * that names cause, evidence and a remedy; then nothing is left attached. Free with
 * (*source)->ops->free().
 */
int source_live_new(struct source **source, const struct options *options);

/* Readable when the ring has filled enough not to wait for the timer. */
int source_live_epoll_fd(const struct source *source);

#endif
