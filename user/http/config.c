// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/safe_open.h"
#include "http/file.h"
#include "http/yaml.h"
#include "http/yaml_value.h"

static int http2_take(struct web_value *value, void *target)
{
	bool on;
	int err = web_value_bool(value, &on);

	(void)target;
	if (!err && on)
		return web_value_refuse(value, "HTTP/2 is not supported, all clients speak "
					       "HTTP/1.1; set it to false or leave it out");
	return err;
}

/* The values that a header may have, as in exporter-toolkit; NULL: any. */
struct header_rule {
	const char *name;
	const char *values[2];
};

static const struct header_rule header_rules[] = {
	{"Content-Security-Policy", {NULL}},
	{WEB_HSTS, {NULL}},
	{"X-Content-Type-Options", {"nosniff"}},
	{"X-Frame-Options", {"deny", "sameorigin"}},
	{"X-XSS-Protection", {NULL}},
};

#define HEADER_RULES (sizeof(header_rules) / sizeof(header_rules[0]))

static int header_value_check(struct web_value *value, const struct header_rule *rule)
{
	const char *text = value->node->text;
	size_t length = strlen(text);

	if (length >= WEB_HEADER_LEN)
		return web_value_refuse(value, "is longer than %d characters", WEB_HEADER_LEN - 1);
	for (size_t i = 0; i < length; i++) {
		if (text[i] < ' ' || text[i] == 0x7f)
			return web_value_refuse(value, "has a control character");
	}
	if (!rule->values[0] || !strcmp(text, rule->values[0]) ||
	    (rule->values[1] && !strcmp(text, rule->values[1])))
		return 0;
	return web_value_refuse(value, "must be %s%s%s", rule->values[0],
				rule->values[1] ? " or " : "",
				rule->values[1] ? rule->values[1] : "");
}

static int header_take(struct web_value *value, void *target)
{
	struct web_config *config = target;
	int err = web_value_text(value);

	if (err)
		return err;
	for (size_t i = 0; i < HEADER_RULES; i++) {
		const struct header_rule *rule = &header_rules[i];
		struct web_header *header = &config->headers[config->header_count];

		if (strcmp(value->node->key, rule->name) != 0)
			continue;
		err = header_value_check(value, rule);
		if (!strcmp(rule->name, WEB_HSTS))
			config->said |= WEB_SAID_HSTS;
		if (err || !*value->node->text)
			return err;
		header->name = rule->name;
		memcpy(header->value, value->node->text, strlen(value->node->text) + 1);
		config->header_count++;
		return 0;
	}
	return web_value_refuse(value, "cannot be set; those that can are Content-Security-Policy, "
				       "Strict-Transport-Security, X-Content-Type-Options, "
				       "X-Frame-Options and X-XSS-Protection");
}

static int headers_take(struct web_value *value, void *target)
{
	return web_value_each(value, header_take, target);
}

static int server_take(struct web_value *value, void *target)
{
	static const struct web_key keys[] = {
		{"http2", http2_take, false},
		{"headers", headers_take, false},
		{NULL, NULL, false},
	};

	return web_value_keys(value, keys, target);
}

static int tls_take(struct web_value *value, void *target)
{
	static const struct {
		const char *key;
		unsigned int said;
	} words[] = {
		{"client_auth_type", WEB_SAID_CLIENT_AUTH},
		{"min_version", WEB_SAID_MIN_VERSION},
		{"curve_preferences", WEB_SAID_CURVES},
	};
	struct web_config *config = target;

	if (web_value_no_entries(value))
		config->said |= WEB_SAID_NO_TLS;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (web_value_has(value, words[i].key))
			config->said |= words[i].said;
	}
	return web_config_tls_take(value, &config->tls);
}

static int rate_limit_take(struct web_value *value, void *target)
{
	(void)target;
	return web_value_refuse(value, "is not supported; connections are limited, in all and for "
				       "each address");
}

static int user_take(struct web_value *value, void *target)
{
	struct web_config *config = target;
	struct web_user user;
	int err = web_user_take(value, &user);

	if (!err && config->user_count == WEB_USERS_MAX)
		err = web_value_refuse(value, "there are more than %d users", WEB_USERS_MAX);
	if (!err)
		config->users[config->user_count++] = user;
	explicit_bzero(&user, sizeof(user));
	return err;
}

static int users_take(struct web_value *value, void *target)
{
	if (web_value_no_entries(value))
		((struct web_config *)target)->said |= WEB_SAID_NO_USERS;
	return web_value_each(value, user_take, target);
}

int web_config_parse(struct web_config **config, const char *text, size_t size, const char *name,
		     char error[HTTP_ERROR_LEN])
{
	static const struct web_key keys[] = {
		{"tls_server_config", tls_take, false},
		{"http_server_config", server_take, false},
		{"basic_auth_users", users_take, false},
		{"rate_limit", rate_limit_take, .refused = true},
		{NULL, NULL, false},
	};
	struct web_config *made;
	struct web_yaml *root = NULL;
	int err = web_yaml_parse(&root, text, size, name, error);

	if (err)
		return err;
	made = calloc(1, sizeof(*made));
	if (made) {
		struct web_value value = {.node = root, .name = name, .error = error};

		if (!root->first)
			made->said |= WEB_SAID_NOTHING;
		err = web_value_keys(&value, keys, made);
	} else {
		err = http_error(error, -ENOMEM, "%s: out of memory", name);
	}
	web_yaml_free(root);
	if (err)
		web_config_free(made);
	else
		*config = made;
	return err;
}

int web_config_load(struct web_config **config, const char *path, char error[HTTP_ERROR_LEN])
{
	char *text = NULL;
	size_t size = 0;
	int err = http_file_read(path, WEB_YAML_SIZE_MAX, &text, &size);

	if (err)
		return http_error(error, err, "%s: %s", path, safe_open_problem(err));
	err = web_config_parse(config, text, size, path, error);
	if (text)
		explicit_bzero(text, size);
	free(text);
	return err;
}

void web_config_free(struct web_config *config)
{
	if (!config)
		return;
	free(config->tls.cert_file);
	free(config->tls.key_file);
	free(config->tls.client_ca_file);
	explicit_bzero(config, sizeof(*config));
	free(config);
}
