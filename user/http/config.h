/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_CONFIG_H
#define TCPWATCH_WEB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "http/error.h"

/* The file of --web.config.file, in the format of Prometheus's exporter-toolkit. */

#define WEB_USERS_MAX	  64
#define WEB_USER_LEN	  128 /* a user name with its 0 */
#define WEB_HASH_LEN	  61  /* a bcrypt hash with its 0 */
#define WEB_COST_MAX	  15  /* of bcrypt; one guess takes seconds above it */
#define WEB_HEADERS_MAX	  5
#define WEB_HEADER_LEN	  1024
#define WEB_GROUPS_LEN	  160
#define WEB_VERSION_TLS10 10
#define WEB_VERSION_TLS12 12
#define WEB_VERSION_TLS13 13

struct web_user {
	char name[WEB_USER_LEN]; /* zeroes behind the name */
	char hash[WEB_HASH_LEN];
};

struct web_header {
	const char *name;
	char value[WEB_HEADER_LEN];
};

enum web_client_auth {
	WEB_CLIENT_NONE,     /* NoClientCert */
	WEB_CLIENT_IF_GIVEN, /* VerifyClientCertIfGiven */
	WEB_CLIENT_REQUIRED, /* RequireAndVerifyClientCert */
};

struct web_tls_config {
	char *cert_file; /* NULL = no TLS, and nothing else here counts */
	char *key_file;
	char *client_ca_file;
	enum web_client_auth client_auth;
	int min_version; /* 10 to 13 */
	int max_version;
	bool prefer_server_ciphers;
	char groups[WEB_GROUPS_LEN]; /* as GnuTLS writes them: ":+GROUP-X25519"; "" = its own */
};

struct web_config {
	struct web_tls_config tls;
	struct web_user users[WEB_USERS_MAX];
	size_t user_count; /* 0 = no passwords */
	struct web_header headers[WEB_HEADERS_MAX];
	size_t header_count;
};

/*
 * Reads the text of a file called `name`; the paths in it are relative to that file. Returns 0, or
 * a negative errno with a message "NAME:LINE: KEY: what is wrong, and what would be right". The
 * message never has a hash in it. The caller frees *config.
 */
int web_config_parse(struct web_config **config, const char *text, size_t size, const char *name,
		     char error[HTTP_ERROR_LEN]);

/* Reads the file. Errors as web_config_parse(), and those of open() and read(). */
int web_config_load(struct web_config **config, const char *path, char error[HTTP_ERROR_LEN]);

/* Wipes the hashes. */
void web_config_free(struct web_config *config);

/*
 * Reads a file of at most max bytes, with a 0 behind. Returns 0 or a negative errno, without a
 * message. The caller frees *text.
 */
int web_file_read(const char *path, size_t max, char **text, size_t *size);

#endif
