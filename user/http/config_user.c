// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/config_user.h"

#include <string.h>

#include "http/yaml_value.h"

#define PREFIX_LEN 7 /* "$2y$10$" */
#define COST_MIN   4

#define REMEDY "; make one with: htpasswd -nBC 10 NAME"

static int name_check(struct web_value *value)
{
	const char *name = value->node->key;

	if (!*name)
		return web_value_refuse(value, "the name of a user is empty");
	if (strlen(name) >= WEB_USER_LEN)
		return web_value_refuse(value, "the user name is longer than %d bytes",
					WEB_USER_LEN - 1);
	for (const char *c = name; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f || *c == ':')
			return web_value_refuse(value, "basic authentication cannot carry a user "
						       "name with a colon or control character");
	}
	return 0;
}

/* The messages leave out the value: it may be a password that was written by mistake. */
static int hash_check(struct web_value *value)
{
	static const char alphabet[] =
		"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *hash = value->node->text;
	int cost;

	if (strncmp(hash, "$2", 2) != 0 || !hash[2] || !strchr("aby", hash[2]) || hash[3] != '$')
		return web_value_refuse(value, "is not a bcrypt hash ($2y$...)" REMEDY);
	if (strlen(hash) != WEB_HASH_LEN - 1 || hash[6] != '$' || !strchr("0123", hash[4]) ||
	    !strchr("0123456789", hash[5]) ||
	    strspn(hash + PREFIX_LEN, alphabet) != WEB_HASH_LEN - 1 - PREFIX_LEN)
		return web_value_refuse(value, "a bcrypt hash has 60 characters, as in "
					       "$2y$10$...; this one is damaged" REMEDY);
	cost = (hash[4] - '0') * 10 + hash[5] - '0';
	if (cost < COST_MIN || cost > 31)
		return web_value_refuse(value, "the cost of a bcrypt hash cannot be %d" REMEDY,
					cost);
	if (cost > WEB_COST_MAX)
		return web_value_refuse(value,
					"cost %d makes every login take many seconds; use at "
					"most %d" REMEDY,
					cost, WEB_COST_MAX);
	return 0;
}

int web_user_take(struct web_value *value, struct web_user *user)
{
	int err = name_check(value);

	memset(user, 0, sizeof(*user));
	if (!err)
		err = web_value_text(value);
	if (!err)
		err = hash_check(value);
	if (err)
		return err;
	memcpy(user->name, value->node->key, strlen(value->node->key));
	memcpy(user->hash, value->node->text, WEB_HASH_LEN);
	return 0;
}
