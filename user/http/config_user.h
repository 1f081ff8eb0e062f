/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_CONFIG_USER_H
#define TCPWATCH_WEB_CONFIG_USER_H

#define WEB_USER_LEN 128 /* a user name with its 0 */
#define WEB_HASH_LEN 61	 /* a bcrypt hash with its 0 */
#define WEB_COST_MAX 15	 /* of bcrypt; with more, one guess takes seconds */

/* A user who may log in by basic authentication. */
struct web_user {
	char name[WEB_USER_LEN]; /* zeroes follow the name */
	char hash[WEB_HASH_LEN];
};

struct web_value;

/*
 * Reads an entry of basic_auth_users: a name and its bcrypt hash. Returns 0, or -EINVAL with a
 * message that never contains the hash; *user is zero or partly filled then.
 */
int web_user_take(struct web_value *value, struct web_user *user);

#endif
