/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_CONFIG_TLS_H
#define TCPWATCH_WEB_CONFIG_TLS_H

#include <stdbool.h>

#define WEB_GROUPS_LEN	  160
#define WEB_VERSION_TLS10 10
#define WEB_VERSION_TLS12 12
#define WEB_VERSION_TLS13 13

enum web_client_auth {
	WEB_CLIENT_NONE,     /* NoClientCert */
	WEB_CLIENT_IF_GIVEN, /* VerifyClientCertIfGiven */
	WEB_CLIENT_REQUIRED, /* RequireAndVerifyClientCert */
};

/* The section tls_server_config. The strings are owned by the struct. */
struct web_tls_config {
	char *cert_file; /* NULL: no TLS, and the other members mean nothing */
	char *key_file;
	char *client_ca_file;
	enum web_client_auth client_auth;
	int min_version; /* 10 to 13 */
	int max_version;
	bool prefer_server_ciphers;
	char groups[WEB_GROUPS_LEN]; /* as GnuTLS writes them: ":+GROUP-X25519"; "": its default */
};

struct web_value;

/*
 * Reads tls_server_config. Returns 0, or -EINVAL with a message. The caller frees the strings of
 * *tls in both cases.
 */
int web_config_tls_take(struct web_value *value, struct web_tls_config *tls);

#endif
