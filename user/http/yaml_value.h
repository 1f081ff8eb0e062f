/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_VALUE_H
#define TCPWATCH_WEB_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "http/yaml.h"

/* A value of the web config that is being looked at, and where to say what is wrong with it. */
struct web_value {
	const struct web_yaml *node;
	const char *name;	       /* of the file */
	const struct web_value *outer; /* whose map or list it is in; NULL = none */
	char *error;		       /* HTTP_ERROR_LEN */
};

typedef int (*web_take)(struct web_value *value, void *target);

struct web_key {
	const char *name; /* NULL ends a list of them */
	web_take take;
	bool refused; /* known, but take() only says why it cannot be */
};

/* Says "FILE:LINE: KEY: ..."; returns -EINVAL. */
int web_value_refuse(const struct web_value *value, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The value is a text, not empty. Returns 0 or -EINVAL with a message, as all here do. */
int web_value_text(const struct web_value *value);

/* As YAML 1.1 has it: true, yes, on, ... */
int web_value_bool(const struct web_value *value, bool *on);

/* Calls the function of each key that is in the map; a key that has none is refused. */
int web_value_keys(const struct web_value *value, const struct web_key *keys, void *target);

/* Calls take() for each entry of the map, whatever its key. */
int web_value_each(const struct web_value *value, web_take take, void *target);

/* Calls take() for each text of the list. */
int web_value_list(const struct web_value *value, web_take take, void *target);

#endif
