// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/config_tls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/yaml_value.h"

/* Takes a path; it is relative to the folder of the web config. */
static int path_take(struct web_value *value, char **path)
{
	const char *slash = strrchr(value->name, '/');
	const char *text = value->node->text;
	int folder;

	if (!text || web_value_text(value))
		return web_value_text(value);
	folder = slash && *text != '/' ? (int)(slash + 1 - value->name) : 0;
	if (!*text)
		return web_value_refuse(value, "is empty");
	if (strlen(text) + (size_t)folder >= PATH_MAX)
		return web_value_refuse(value, "is too long");
	if (asprintf(path, "%.*s%s", folder, value->name, text) < 0) {
		*path = NULL;
		return web_value_refuse(value, "out of memory");
	}
	return 0;
}

static int cert_take(struct web_value *value, void *target)
{
	return path_take(value, &((struct web_tls_config *)target)->cert_file);
}

static int key_take(struct web_value *value, void *target)
{
	return path_take(value, &((struct web_tls_config *)target)->key_file);
}

static int client_ca_take(struct web_value *value, void *target)
{
	return path_take(value, &((struct web_tls_config *)target)->client_ca_file);
}

static int client_auth_take(struct web_value *value, void *target)
{
	struct web_tls_config *tls = target;
	int err = web_value_text(value);
	const char *text = value->node->text;

	if (err)
		return err;
	if (!strcmp(text, "NoClientCert"))
		tls->client_auth = WEB_CLIENT_NONE;
	else if (!strcmp(text, "VerifyClientCertIfGiven"))
		tls->client_auth = WEB_CLIENT_IF_GIVEN;
	else if (!strcmp(text, "RequireAndVerifyClientCert"))
		tls->client_auth = WEB_CLIENT_REQUIRED;
	else if (!strcmp(text, "RequestClientCert") || !strcmp(text, "RequireAnyClientCert"))
		return web_value_refuse(value,
					"%s is not supported: it accepts any certificate, so it "
					"protects nothing; use RequireAndVerifyClientCert",
					text);
	else
		return web_value_refuse(value, "must be NoClientCert, VerifyClientCertIfGiven or "
					       "RequireAndVerifyClientCert");
	return 0;
}

static int version_take(struct web_value *value, int *version)
{
	static const char *const names[] = {"TLS10", "TLS11", "TLS12", "TLS13"};
	int err = web_value_text(value);

	for (int i = 0; !err && i < 4; i++) {
		if (!strcmp(value->node->text, names[i])) {
			*version = WEB_VERSION_TLS10 + i;
			return 0;
		}
	}
	return err ? err : web_value_refuse(value, "must be TLS10, TLS11, TLS12 or TLS13");
}

static int min_version_take(struct web_value *value, void *target)
{
	return version_take(value, &((struct web_tls_config *)target)->min_version);
}

static int max_version_take(struct web_value *value, void *target)
{
	return version_take(value, &((struct web_tls_config *)target)->max_version);
}

static int prefer_take(struct web_value *value, void *target)
{
	return web_value_bool(value, &((struct web_tls_config *)target)->prefer_server_ciphers);
}

static int cipher_take(struct web_value *value, void *target)
{
	(void)target;
	return web_value_refuse(value, "cannot be chosen; GnuTLS's own order is used, with forward "
				       "secrecy. Leave it out, or set min_version to TLS13, where "
				       "all suites are good");
}

static int curve_take(struct web_value *value, void *target)
{
	static const char *const curves[][2] = {
		{"X25519", "X25519"},
		{"CurveP256", "SECP256R1"},
		{"CurveP384", "SECP384R1"},
		{"CurveP521", "SECP521R1"},
	};
	struct web_tls_config *tls = target;
	size_t length = strlen(tls->groups);
	int err = web_value_text(value);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		char group[32];
		size_t added;

		if (strcmp(value->node->text, curves[i][0]) != 0)
			continue;
		added = (size_t)snprintf(group, sizeof(group), ":+GROUP-%s", curves[i][1]);
		if (strstr(tls->groups, group) || length + added >= WEB_GROUPS_LEN)
			return web_value_refuse(value, "%s is given twice", curves[i][0]);
		memcpy(tls->groups + length, group, added + 1);
		return 0;
	}
	return web_value_refuse(value, "must be X25519, CurveP256, CurveP384 or CurveP521");
}

static int curves_take(struct web_value *value, void *target)
{
	return web_value_list(value, curve_take, target);
}

static int inline_take(struct web_value *value, void *target)
{
	(void)target;
	return web_value_refuse(value, "is not supported; put it into a file and use %s_file",
				value->node->key);
}

static int sans_take(struct web_value *value, void *target)
{
	(void)target;
	return web_value_refuse(value,
				"is not supported; every certificate that client_ca_file "
				"has signed is accepted, so use a CA for these clients only");
}

/* Checks the section as a whole. The message names the section, since a key may be missing. */
static int tls_check(const struct web_value *value, const struct web_tls_config *tls)
{
	if (!tls->cert_file)
		return web_value_refuse(value, "cert_file is missing");
	if (!tls->key_file)
		return web_value_refuse(value, "key_file is missing");
	if (tls->client_ca_file && tls->client_auth == WEB_CLIENT_NONE)
		return web_value_refuse(value,
					"client_ca_file is given without client_auth_type; set "
					"that to RequireAndVerifyClientCert");
	if (!tls->client_ca_file && tls->client_auth != WEB_CLIENT_NONE)
		return web_value_refuse(value, "client_auth_type is given without client_ca_file");
	if (tls->min_version > tls->max_version)
		return web_value_refuse(value, "min_version is above max_version");
	return 0;
}

int web_config_tls_take(struct web_value *value, struct web_tls_config *tls)
{
	static const struct web_key keys[] = {
		{"cert_file", cert_take, false},
		{"key_file", key_take, false},
		{"client_auth_type", client_auth_take, false},
		{"client_ca_file", client_ca_take, false},
		{"min_version", min_version_take, false},
		{"max_version", max_version_take, false},
		{"prefer_server_cipher_suites", prefer_take, false},
		{"curve_preferences", curves_take, false},
		{"cipher_suites", cipher_take, true},
		{"cert", inline_take, true},
		{"key", inline_take, true},
		{"client_ca", inline_take, true},
		{"client_allowed_sans", sans_take, true},
		{NULL, NULL, false},
	};
	int err;

	tls->min_version = WEB_VERSION_TLS12;
	tls->max_version = WEB_VERSION_TLS13;
	tls->prefer_server_ciphers = true;
	err = web_value_keys(value, keys, tls);
	if (!err && (value->node->first || value->node->text))
		err = tls_check(value, tls);
	return err;
}
