// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/protection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A protection that a new config may lack. */
struct protection {
	bool (*lost)(const struct web_config *now, const struct web_config *next);
	unsigned int said; /* the bit of web_config.said that allows it */
	const char *key;
	const char *effect;  /* of the loss, as a clause */
	const char *in_full; /* the line that gives it up */
};

static bool users_lost(const struct web_config *now, const struct web_config *next)
{
	return now->user_count && !next->user_count;
}

static bool tls_lost(const struct web_config *now, const struct web_config *next)
{
	return now->tls.cert_file && !next->tls.cert_file;
}

/* Without TLS, there is nothing to compare: its loss is judged by itself. */
static bool both_have_tls(const struct web_config *now, const struct web_config *next)
{
	return now->tls.cert_file && next->tls.cert_file;
}

static bool client_auth_lost(const struct web_config *now, const struct web_config *next)
{
	return both_have_tls(now, next) && next->tls.client_auth < now->tls.client_auth;
}

static bool version_lost(const struct web_config *now, const struct web_config *next)
{
	return both_have_tls(now, next) && next->tls.min_version < now->tls.min_version;
}

static bool curves_lost(const struct web_config *now, const struct web_config *next)
{
	return both_have_tls(now, next) && *now->tls.groups && !*next->tls.groups;
}

static bool has_hsts(const struct web_config *config)
{
	for (size_t i = 0; i < config->header_count; i++) {
		if (!strcmp(config->headers[i].name, WEB_HSTS))
			return true;
	}
	return false;
}

/* The other headers have safe defaults, or protect nothing by themselves. */
static bool hsts_lost(const struct web_config *now, const struct web_config *next)
{
	return has_hsts(now) && !has_hsts(next);
}

static const struct protection protections[] = {
	{tls_lost, WEB_SAID_NO_TLS, "tls_server_config", "there would be no TLS",
	 "tls_server_config: {}"},
	{users_lost, WEB_SAID_NO_USERS, "basic_auth_users", "no password would be asked for",
	 "basic_auth_users: {}"},
	{client_auth_lost, WEB_SAID_CLIENT_AUTH, "client_auth_type",
	 "clients would need no certificate", "client_auth_type: NoClientCert"},
	{version_lost, WEB_SAID_MIN_VERSION, "min_version",
	 "older versions of TLS would be accepted", "min_version: TLS12"},
	{curves_lost, WEB_SAID_CURVES, "curve_preferences", "more curves would be accepted",
	 "curve_preferences: []"},
	{hsts_lost, WEB_SAID_HSTS, WEB_HSTS, "browsers would not be told to use TLS only",
	 WEB_HSTS ": ''"},
};

#define PROTECTIONS (sizeof(protections) / sizeof(protections[0]))

int web_protection_check(const struct web_config *now, const struct web_config *next,
			 const char *name, char error[HTTP_ERROR_LEN])
{
	if (!now)
		return 0;
	if (next->said & WEB_SAID_NOTHING && !(now->said & WEB_SAID_NOTHING))
		return http_error(error, -EPERM, "%.200s: is empty", name);
	for (size_t i = 0; i < PROTECTIONS; i++) {
		const struct protection *one = &protections[i];

		if (one->lost(now, next) && !(next->said & one->said))
			return http_error(error, -EPERM,
					  "%.200s: %s is missing, and without it %s; if that is "
					  "intended, write %s",
					  name, one->key, one->effect, one->in_full);
	}
	return 0;
}

bool web_protection_given_up(const struct web_config *now, const struct web_config *next,
			     const char *name, char message[HTTP_ERROR_LEN])
{
	size_t length;
	bool found = false;

	if (!now)
		return false;
	snprintf(message, HTTP_ERROR_LEN, "--web.config.file: %.200s gives up: ", name);
	for (size_t i = 0; i < PROTECTIONS; i++) {
		if (!protections[i].lost(now, next))
			continue;
		length = strlen(message);
		snprintf(message + length, HTTP_ERROR_LEN - length, "%s%s", found ? ", " : "",
			 protections[i].key);
		found = true;
	}
	return found;
}
