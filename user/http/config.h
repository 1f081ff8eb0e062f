/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_CONFIG_H
#define TCPWATCH_WEB_CONFIG_H

#include <stddef.h>

#include "http/config_tls.h"
#include "http/config_user.h"
#include "http/error.h"

/* The file of --web.config.file, in the format of Prometheus's exporter-toolkit. */

#define WEB_USERS_MAX	64
#define WEB_HEADERS_MAX 5
#define WEB_HEADER_LEN	1024
#define WEB_HSTS	"Strict-Transport-Security"

/*
 * What a file says in so many words. It differs from the values: a file that was cut off has the
 * default where another has the same value on purpose.
 */
#define WEB_SAID_NOTHING     1U	 /* the file is empty */
#define WEB_SAID_NO_TLS	     2U	 /* tls_server_config: {} */
#define WEB_SAID_NO_USERS    4U	 /* basic_auth_users: {} */
#define WEB_SAID_CLIENT_AUTH 8U	 /* client_auth_type, with any value */
#define WEB_SAID_MIN_VERSION 16U /* min_version, with any value */
#define WEB_SAID_CURVES	     32U /* curve_preferences, as a list */
#define WEB_SAID_HSTS	     64U /* WEB_HSTS, with any value */

struct web_header {
	const char *name;
	char value[WEB_HEADER_LEN];
};

struct web_config {
	struct web_tls_config tls;
	struct web_user users[WEB_USERS_MAX];
	size_t user_count; /* 0: no password is asked for */
	struct web_header headers[WEB_HEADERS_MAX];
	size_t header_count;
	unsigned int said; /* WEB_SAID_... */
};

/*
 * Parses the text of a file called `name`; the paths in it are relative to that file. Returns 0, or
 * a negative errno with a message of the form "NAME:LINE: KEY: what is wrong and what is allowed".
 * The message never contains a password hash. The caller frees *config with web_config_free().
 */
int web_config_parse(struct web_config **config, const char *text, size_t size, const char *name,
		     char error[HTTP_ERROR_LEN]);

/* Reads and parses the file. Errors as web_config_parse(), and those of open() and read(). */
int web_config_load(struct web_config **config, const char *path, char error[HTTP_ERROR_LEN]);

/* Wipes the hashes before it frees. NULL is allowed. */
void web_config_free(struct web_config *config);

#endif
