/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_EVENT_CHECK_H
#define TCPWATCH_EVENT_CHECK_H

#include <stddef.h>

#include "event.h"

/*
 * Is this a record that the rest of the program may trust in size, version, kind, states and
 * family, and a transition one that the kernel makes? Returns 0, or -EPROTO. `data` may be
 * unaligned to nothing less than 8 bytes.
 */
int event_check(const void *data, size_t size);

#endif
