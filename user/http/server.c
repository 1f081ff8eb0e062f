// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "http/accept.h"
#include "http/connection.h"
#include "http/generation.h"
#include "http/request.h"
#include "http/watch.h"

#define EVENTS_MAX 64 /* edge-triggered events stay until they are fetched */

/* libmicrohttpd 0.9.75 reports work left while a handshake waits for the client. This is how often
 * to look then; what the client sends is noticed at once. */
#define HANDSHAKE_AGAIN_NS (20 * NS_PER_MS)

static const struct http_limits defaults = {
	.connections = 256,
	.peer_connections = 64,
	.header_bytes = 16 * 1024,
	.page_bytes = 16 * 1024 * 1024,
	.header_ns = 10 * NS_PER_S,
	.response_ns = 30 * NS_PER_S,
	.idle_ns = 120 * NS_PER_S,
	.slow_ns = NS_PER_S,
	.run_ns = 2 * NS_PER_MS,
};

#define LIMIT_SET(limits, field)                                                                   \
	do {                                                                                       \
		if (!(limits)->field)                                                              \
			(limits)->field = defaults.field;                                          \
	} while (0)

static void limits_set(struct http_limits *limits, const struct http_limits *asked)
{
	*limits = *asked;
	LIMIT_SET(limits, connections);
	LIMIT_SET(limits, peer_connections);
	LIMIT_SET(limits, header_bytes);
	LIMIT_SET(limits, page_bytes);
	LIMIT_SET(limits, header_ns);
	LIMIT_SET(limits, response_ns);
	LIMIT_SET(limits, idle_ns);
	LIMIT_SET(limits, slow_ns);
	LIMIT_SET(limits, run_ns);
}

static int watch_fd(struct http_server *server, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* Parses all addresses before it binds the first, so that a wrong one prevents the start. */
static int listen_all(struct http_server *server, char error[HTTP_ERROR_LEN])
{
	const struct http_config *config = &server->config;
	struct http_address *addresses;
	int count = 0;
	int err = 0;

	if (config->listen_count > HTTP_LISTEN_MAX)
		return http_error(error, -EINVAL, "--web.listen-address: more than %d addresses",
				  HTTP_LISTEN_MAX);
	addresses = calloc(config->listen_count + 1, sizeof(*addresses));
	if (!addresses)
		return http_error(error, -ENOMEM, "--web.listen-address: out of memory");
	for (size_t i = 0; !err && i < config->listen_count; i++)
		err = http_address_parse(&addresses[i], config->listen[i], error);
	if (!err && config->systemd_socket) {
		count = http_address_inherit(server->listeners, HTTP_LISTEN_MAX, error);
		err = count < 0 ? count : 0;
	}
	if (!err)
		server->listener_count = (size_t)count;
	for (size_t i = 0; !err && i < config->listen_count; i++) {
		count = http_address_listen(&addresses[i],
					    server->listeners + server->listener_count,
					    HTTP_LISTEN_MAX - server->listener_count, error);
		if (count < 0)
			err = count;
		else
			server->listener_count += (size_t)count;
	}
	free(addresses);
	return err;
}

static int listeners_watch(struct http_server *server, char error[HTTP_ERROR_LEN])
{
	int err = 0;

	server->addresses = calloc(server->listener_count + 1, sizeof(*server->addresses));
	if (!server->addresses)
		return http_error(error, -ENOMEM, "--web.listen-address: out of memory");
	for (size_t i = 0; !err && i < server->listener_count; i++) {
		http_address_of(server->listeners[i], server->addresses[i]);
		err = watch_fd(server, server->listeners[i]);
	}
	return err ? http_error(error, err, "--web.listen-address: %s", strerror(-err)) : 0;
}

static int sources_open(struct http_server *server, char error[HTTP_ERROR_LEN])
{
	int err;

	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	server->watch = http_watch_new();
	if (server->epoll_fd < 0 || server->timer_fd < 0 || !server->watch)
		err = -errno;
	else
		err = http_auth_new(&server->auth);
	if (!err)
		err = watch_fd(server, server->timer_fd);
	if (!err)
		err = watch_fd(server, http_auth_fd(server->auth));
	return err ? http_error(error, err, "web server: %s", strerror(-err)) : 0;
}

int http_server_new(struct http_server **server, const struct http_config *config,
		    char error[HTTP_ERROR_LEN])
{
	struct http_server *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return http_error(error, -ENOMEM, "web server: out of memory");
	made->config = *config;
	made->epoll_fd = -1;
	made->timer_fd = -1;
	made->paused_tail = &made->paused;
	limits_set(&made->limits, &config->limits);
	err = sources_open(made, error);
	if (!err)
		err = http_generation_load(made, error);
	if (!err)
		err = listen_all(made, error);
	if (!err)
		err = listeners_watch(made, error);
	if (err) {
		http_server_free(made);
		return err;
	}
	*server = made;
	return 0;
}

void http_server_free(struct http_server *server)
{
	struct http_connection *next;

	if (!server)
		return;
	http_auth_free(server->auth);
	/* libmicrohttpd does not stop while something is suspended. */
	http_connections_resume_all(server);
	http_generation_free_all(server);
	for (struct http_connection *c = server->connections; c; c = next) {
		next = c->next;
		http_connection_end(c);
	}
	for (size_t i = 0; i < server->listener_count; i++)
		close(server->listeners[i]);
	if (server->timer_fd >= 0)
		close(server->timer_fd);
	if (server->epoll_fd >= 0)
		close(server->epoll_fd);
	http_watch_free(server->watch);
	web_config_free(server->web);
	free(server->addresses);
	free(server);
}

int http_server_epoll_fd(const struct http_server *server)
{
	return server->epoll_fd;
}

/* Sets the time (CLOCK_MONOTONIC) of the next run; 0: at once, UINT64_MAX: never. */
static void timer_set(struct http_server *server, uint64_t at_ns)
{
	struct itimerspec timer = {0};

	if (at_ns != UINT64_MAX) {
		at_ns = at_ns ? clock_here(at_ns) : 0;
		timer.it_value.tv_sec = (time_t)(at_ns / NS_PER_S);
		timer.it_value.tv_nsec = (long)(at_ns % NS_PER_S);
		/* All zero would disarm the timer. */
		timer.it_value.tv_nsec += !at_ns;
	}
	timerfd_settime(server->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

void http_server_run(struct http_server *server)
{
	uint64_t now_ns = clock_now();
	struct epoll_event events[EVENTS_MAX];
	uint64_t deadline_ns;
	bool more, left;

	/* The events themselves are ignored: one may belong to a connection that is gone. */
	epoll_wait(server->epoll_fd, events, EVENTS_MAX, 0);
	server->progress = false;
	server->until_ns = now_ns + server->limits.run_ns;
	server->pages_ns = 0;
	http_accept_all(server, now_ns);
	more = http_accept_hellos(server);
	http_request_authenticated(server);
	http_connections_resume_paused(server);
	more |= http_generation_run(server);
	now_ns = clock_now();
	deadline_ns = http_connections_expire(server, now_ns);
	http_generation_reap(server);
	left = http_generation_busy(server);
	if (left && !server->progress && http_connections_handshaking(server)) {
		left = false;
		if (deadline_ns > now_ns + HANDSHAKE_AGAIN_NS)
			deadline_ns = now_ns + HANDSHAKE_AGAIN_NS;
	}
	timer_set(server, more || left || server->paused ? 0 : deadline_ns);
}

int http_server_reload(struct http_server *server, char error[HTTP_ERROR_LEN])
{
	return http_generation_reload(server, error);
}

const char *http_server_address(const struct http_server *server, size_t index)
{
	return index < server->listener_count ? server->addresses[index] : NULL;
}

bool http_server_is_tls(const struct http_server *server)
{
	return server->generations->tls;
}

void http_server_counts(const struct http_server *server, struct http_counts *counts)
{
	*counts = server->counts;
}
