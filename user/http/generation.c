// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/generation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/units.h"
#include "http/connection.h"
#include "http/protection.h"
#include "http/request.h"
#include "http/watch.h"

#define LOOK_EVERY_NS NS_PER_S

/* If TLS changes often and there are more than this, the connections of the oldest are ended. */
#define GENERATIONS_MAX 4

/* libmicrohttpd calls it when it has taken over a connection, and when it has closed one. */
static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = context;
	struct http_connection *connection = server->adding;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		connection = *socket_context;
		*socket_context = NULL;
		if (connection)
			http_connection_free(connection);
		return;
	}
	server->adding = NULL;
	connection->mhd = mhd;
	*socket_context = connection;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (connection->generation->tls && info && info->tls_session)
		http_tls_prepare(info->tls_session, connection->generation->tls);
}

/* Paths are compared as they were sent: "%2d" is not "-", and "%00" does not end the path. */
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context;
	(void)mhd;
	return strlen(text);
}

static struct MHD_Daemon *daemon_start(struct http_server *server, const struct http_tls *tls)
{
	struct MHD_OptionItem tls_items[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? tls->cert : NULL},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? tls->key : NULL},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, tls ? (void *)tls->priorities : NULL},
		{MHD_OPTION_TLS_NO_ALPN, 1, NULL},
		{tls && tls->client_ca ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0,
		 tls ? tls->client_ca : NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem plain_items[] = {{MHD_OPTION_END, 0, NULL}};
	unsigned int flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
			     (tls ? MHD_USE_TLS : 0);

	/* http/accept.c limits the connections and http/connection.c ends them: no limits here. */
	return MHD_start_daemon(
		flags, 0, NULL, NULL, http_request_handle, server,		 /* */
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,		 /* */
		MHD_OPTION_NOTIFY_COMPLETED, http_request_ended, server,	 /* */
		MHD_OPTION_URI_LOG_CALLBACK, http_request_begun, server,	 /* */
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,		 /* */
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, server->limits.header_bytes, /* */
		MHD_OPTION_CONNECTION_LIMIT, 2 * server->limits.connections + 1, /* */
		MHD_OPTION_CONNECTION_TIMEOUT, 0U,				 /* */
		MHD_OPTION_STRICT_FOR_CLIENT, 1,				 /* */
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,				 /* */
		MHD_OPTION_ARRAY, tls ? tls_items : plain_items, MHD_OPTION_END);
}

/* Adds the daemon's epoll descriptor to the server's. */
static int daemon_watch(struct http_server *server, struct MHD_Daemon *daemon)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct epoll_event event = {.events = EPOLLIN};

	if (!info)
		return -EIO;
	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &event) ? -errno : 0;
}

static void generation_free(struct http_generation *generation)
{
	for (int i = 0; i < HTTP_SHARDS; i++) {
		if (generation->daemons[i])
			MHD_stop_daemon(generation->daemons[i]);
	}
	http_tls_free(generation->tls);
	free(generation);
}

/* Takes over tls. Returns NULL with errno. */
static struct http_generation *generation_new(struct http_server *server, struct http_tls *tls)
{
	struct http_generation *generation = calloc(1, sizeof(*generation));

	if (!generation) {
		http_tls_free(tls);
		return NULL;
	}
	generation->tls = tls;
	for (int i = 0; i < HTTP_SHARDS; i++) {
		generation->daemons[i] = daemon_start(server, tls);
		if (!generation->daemons[i] || daemon_watch(server, generation->daemons[i])) {
			int err = errno;

			generation_free(generation);
			errno = err;
			return NULL;
		}
	}
	return generation;
}

void http_generation_free_all(struct http_server *server)
{
	while (server->generations) {
		struct http_generation *generation = server->generations;

		server->generations = generation->next;
		generation_free(generation);
	}
}

/* A page that took long to make does not keep the requests in the other daemons waiting: most of
 * them are read only, and answered in the next run. */
bool http_generation_run(struct http_server *server)
{
	for (int i = 0; i < HTTP_SHARDS; i++) {
		if (i && clock_now() >= server->until_ns + server->pages_ns)
			return true;
		for (struct http_generation *g = server->generations; g; g = g->next)
			MHD_run(g->daemons[server->next_shard]);
		server->next_shard = (server->next_shard + 1) % HTTP_SHARDS;
	}
	return false;
}

bool http_generation_busy(const struct http_server *server)
{
	for (const struct http_generation *g = server->generations; g; g = g->next) {
		for (int i = 0; i < HTTP_SHARDS; i++) {
			MHD_UNSIGNED_LONG_LONG timeout_ms;

			if (MHD_get_timeout(g->daemons[i], &timeout_ms) == MHD_YES && !timeout_ms)
				return true;
		}
	}
	return false;
}

/* Starts the newest generation. Connections of older ones may finish their request. */
static int generation_add(struct http_server *server, struct http_tls *tls,
			  char error[HTTP_ERROR_LEN])
{
	struct http_generation *generation = generation_new(server, tls);
	size_t count = 0;

	if (!generation)
		return http_error(error, -EIO, "libmicrohttpd cannot be started: %s",
				  strerror(errno));
	generation->next = server->generations;
	server->generations = generation;
	for (struct http_generation *g = generation; g; g = g->next)
		count++;
	for (struct http_connection *c = server->connections; c; c = c->next) {
		if (c->generation && c->generation != generation &&
		    (c->phase == HTTP_IDLE ||
		     (count > GENERATIONS_MAX && !c->generation->next && c->phase != HTTP_CLOSING)))
			http_connection_end(c);
	}
	return 0;
}

void http_generation_reap(struct http_server *server)
{
	struct http_generation **link = &server->generations->next;

	while (*link) {
		struct http_generation *generation = *link;

		if (generation->connections) {
			link = &generation->next;
			continue;
		}
		*link = generation->next;
		generation_free(generation);
	}
}

/* Watches the web config and the files that it names, whether they could be read or not. */
static void files_watch(struct http_server *server, const struct web_config *web)
{
	const char *const paths[HTTP_WATCH_FILES] = {
		server->config.web_config,
		web ? web->tls.cert_file : NULL,
		web ? web->tls.key_file : NULL,
		web ? web->tls.client_ca_file : NULL,
	};

	http_watch_set(server->watch, paths);
}

static int web_read(struct http_server *server, struct web_config **web, struct http_tls **tls,
		    char error[HTTP_ERROR_LEN])
{
	char why[HTTP_ERROR_LEN];
	int err;

	*web = NULL;
	*tls = NULL;
	if (!server->config.web_config)
		return 0;
	err = web_config_load(web, server->config.web_config, why);
	if (!err)
		err = web_protection_check(server->web, *web, server->config.web_config, why);
	/* Before the other files are read, so that a change meanwhile is noticed next time. */
	files_watch(server, err ? server->web : *web);
	if (!err && *web && (*web)->tls.cert_file)
		err = http_tls_load(tls, &(*web)->tls, why);
	if (err) {
		web_config_free(*web);
		*web = NULL;
		http_error(error, err, "--web.config.file: %.490s", why);
	}
	return err;
}

int http_generation_load(struct http_server *server, char error[HTTP_ERROR_LEN])
{
	char given_up[HTTP_ERROR_LEN];
	struct web_config *web;
	struct http_tls *tls;
	int err = web_read(server, &web, &tls, error);
	bool warn;

	if (err)
		return err;
	warn = web && server->config.report &&
	       web_protection_given_up(server->web, web, server->config.web_config, given_up);
	if (server->generations && http_tls_same(tls, server->generations->tls)) {
		http_tls_free(tls);
	} else {
		err = generation_add(server, tls, error);
		if (err) {
			web_config_free(web);
			return err;
		}
	}
	web_config_free(server->web);
	server->web = web;
	http_auth_forget(server->auth);
	if (warn)
		server->config.report(server->config.context, given_up);
	return 0;
}

int http_generation_reload(struct http_server *server, char error[HTTP_ERROR_LEN])
{
	int err = http_generation_load(server, error);

	server->counts.reloads += !err && server->config.web_config;
	return err;
}

void http_generation_look(struct http_server *server, uint64_t now_ns)
{
	char error[HTTP_ERROR_LEN];

	if (!server->config.web_config || now_ns < server->look_again_ns)
		return;
	server->look_again_ns = now_ns + LOOK_EVERY_NS;
	if (http_watch_changed(server->watch) && http_generation_reload(server, error) &&
	    server->config.report)
		server->config.report(server->config.context, error);
}
