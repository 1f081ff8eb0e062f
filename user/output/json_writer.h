/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_JSON_WRITER_H
#define TCPWATCH_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Writes JSON to a stdio stream without building it in memory: a line of -t -j costs a tenth of
 * what it does with jansson (docs/libraries.md). The caller closes objects and arrays. In an object
 * every value has a key; in an array the key is NULL. Errors stay in the stream.
 */
struct json_writer {
	FILE *file;
	bool comma; /* the next value needs a comma before it */
};

void json_put_object(struct json_writer *json, const char *key);
void json_put_object_end(struct json_writer *json);
void json_put_array(struct json_writer *json, const char *key);
void json_put_array_end(struct json_writer *json);

/* Writes a string; bytes that are not UTF-8 become U+FFFD. NULL becomes null. */
void json_put_string(struct json_writer *json, const char *key, const char *value);
void json_put_u64(struct json_writer *json, const char *key, uint64_t value);

/* Writes three decimals. A number from 1e15 on, an infinite one and NaN become null. */
void json_put_real(struct json_writer *json, const char *key, double value);
void json_put_bool(struct json_writer *json, const char *key, bool value);
void json_put_null(struct json_writer *json, const char *key);

/* Ends the line of the outermost object. */
void json_put_line_end(struct json_writer *json);

#endif
