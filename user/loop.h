/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LOOP_H
#define TCPWATCH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/command.h"
#include "cli/targets.h"
#include "engine/engine.h"
#include "http/server.h"
#include "model/options.h"
#include "service.h"
#include "symbol/call_site.h"

/*
 * The event loop around the engine: ring buffer, signals, web server, symbolizer and the ends of
 * processes. The pointers are the caller's, and must be set before loop_run().
 */
struct loop {
	const struct options *options;
	struct engine *engine;
	struct call_sites *sites; /* NULL: no stacks are taken */
	struct http_server *web;  /* NULL: nothing is served */
	struct targets targets;	  /* its epoll set has all of the loop's descriptors */
	struct command command;
	struct service service;
	int signal_fd;
	uint64_t end_ns;  /* CLOCK_MONOTONIC: when to stop; UINT64_MAX: not known yet */
	uint64_t last_ns; /* until when that may be put off for sockets that COMMAND has left; 0:
			     not at all */
};

/* A loop without descriptors, for loop_close() after a failed start. */
#define LOOP_CLOSED                                                                                \
	{                                                                                          \
		.targets.epoll_fd = -1, .command = COMMAND_NONE, .signal_fd = -1                   \
	}

/* Creates the epoll set. Returns 0 or a negative errno. */
int loop_open(struct loop *loop);

/*
 * Blocks the signals that end tcpwatch, reload its web config or are passed on to COMMAND, and
 * receives them in the loop. Returns 0 or a negative errno.
 */
int loop_watch_signals(struct loop *loop);

/*
 * Adds the descriptors of the ring buffer, which ends the wait early, and of the symbolizer. Names
 * that need no waiting have no descriptor. Returns 0 or a negative errno.
 */
int loop_watch_events(struct loop *loop, int ring_fd);

/* Adds the web server, if there is one. Returns 0 or a negative errno. */
int loop_watch_web(struct loop *loop);

/*
 * With -f, the engine's callback for a new child of a watched process; `context` is the loop.
 * Returns false if the child has ended already.
 */
bool loop_watch_child(void *context, uint32_t tgid);

/* Runs until it is time to stop. Returns 0 or a negative errno. */
int loop_run(struct loop *loop);

/* Closes the descriptors. COMMAND is not freed. */
void loop_close(struct loop *loop);

#endif
