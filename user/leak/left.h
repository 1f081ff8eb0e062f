/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_LEFT_H
#define TCPWATCH_LEAK_LEFT_H

#include <stdbool.h>
#include <stdint.h>

#include "leak/leak.h"

/*
 * A socket that is in CLOSE_WAIT when its process ends was not closed by the program, but by the
 * kernel. It is a leak if it was there for the grace at least, so that a peer which closes in the
 * very moment of the process's end makes none, and if nothing was sent on it meanwhile: a server
 * that answers what was sent to it before a half-close, and ends, did its work. With a threshold of
 * 0 every one is.
 */
uint64_t leak_left_grace(uint64_t threshold_ns);

/*
 * Is this one, which leaves CLOSE_WAIT by the record e? Then fills *leak but for what the socket
 * has.
 */
bool leak_left_make(struct leak *leak, const struct tcp_socket *socket,
		    const struct event_transition *e, uint64_t threshold_ns);

#endif
