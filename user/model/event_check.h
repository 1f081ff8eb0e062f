/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_EVENT_CHECK_H
#define TCPWATCH_EVENT_CHECK_H

#include <stddef.h>

#include "event.h"

/*
 * Checks the size, version, kind, states and address family of a record, and that a transition is
 * one that the kernel makes (model/tcp_states.def). `size` is in bytes, and `data` must be aligned
 * to 8 bytes. Returns 0, or -EPROTO for a record that must not be used.
 */
int event_check(const void *data, size_t size);

#endif
