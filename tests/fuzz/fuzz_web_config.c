// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Any bytes as a web config: it must be refused with a message, or give valid settings. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/config.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void check_config(const struct web_config *config)
{
	const struct web_tls_config *tls = &config->tls;

	CHECK(!tls->cert_file == !tls->key_file);
	if (tls->cert_file) {
		CHECK(*tls->cert_file && *tls->key_file);
		CHECK(tls->min_version >= WEB_VERSION_TLS10);
		CHECK(tls->min_version <= tls->max_version);
		CHECK(tls->max_version <= WEB_VERSION_TLS13);
		CHECK(!tls->client_ca_file == (tls->client_auth == WEB_CLIENT_NONE));
		CHECK(strlen(tls->groups) < sizeof(tls->groups));
	}
	CHECK(config->user_count <= WEB_USERS_MAX);
	for (size_t i = 0; i < config->user_count; i++) {
		CHECK(*config->users[i].name && !strchr(config->users[i].name, ':'));
		CHECK(strlen(config->users[i].hash) == WEB_HASH_LEN - 1);
	}
	CHECK(config->header_count <= WEB_HEADERS_MAX);
	for (size_t i = 0; i < config->header_count; i++)
		CHECK(!strpbrk(config->headers[i].value, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_config *config = NULL;
	char error[HTTP_ERROR_LEN] = "";
	int err = web_config_parse(&config, (const char *)data, size, "dir/web.yml", error);

	if (err) {
		CHECK(!config && !strncmp(error, "dir/web.yml:", 12));
		return 0;
	}
	check_config(config);
	web_config_free(config);
	return 0;
}
