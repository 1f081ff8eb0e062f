/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_VALUE_H
#define TCPWATCH_WEB_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "http/yaml.h"

/* A value of the web config, and where to write what is wrong with it. */
struct web_value {
	const struct web_yaml *node;
	const char *name;	       /* of the file, for messages */
	const struct web_value *outer; /* the map or list that contains it; NULL: none */
	char *error;		       /* HTTP_ERROR_LEN */
};

/* Takes a value into the config. Returns 0 or a negative errno with a message. */
typedef int (*web_take)(struct web_value *value, void *target);

struct web_key {
	const char *name; /* NULL ends an array of keys */
	web_take take;
	bool refused; /* take() only says why the key is not supported */
};

/* Writes the message "FILE:LINE: KEY: ...", and returns -EINVAL. */
int web_value_refuse(const struct web_value *value, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The functions below return 0, or a negative errno with a message. */

/* Checks that the value is a string and not missing. */
int web_value_text(const struct web_value *value);

/* Whether it is {}, a map that says that it has no entries. A missing value is not. */
bool web_value_no_entries(const struct web_value *value);

/* Whether the map has this key with a value that is not missing. False if it is not a map. */
bool web_value_has(const struct web_value *value, const char *key);

/* Parses a boolean of YAML 1.1: true, yes, on, false, no, off. */
int web_value_bool(const struct web_value *value, bool *on);

/* Calls the function of each key in the map. A key without a function is refused. */
int web_value_keys(const struct web_value *value, const struct web_key *keys, void *target);

/* Calls take() for each entry of the map, whatever its key is. */
int web_value_each(const struct web_value *value, web_take take, void *target);

/* Calls take() for each value in the list. */
int web_value_list(const struct web_value *value, web_take take, void *target);

#endif
