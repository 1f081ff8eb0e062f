/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_JSON_WRITER_H
#define TCPWATCH_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Writes JSON to a stdio stream without building it in memory: a -t -j line costs a tenth of what
 * it does through jansson (docs/libraries.md). The caller sees to it that objects and arrays are
 * closed; inside an object every value has a key, inside an array the key is NULL. Errors stay in
 * the stream.
 */
struct json_writer {
	FILE *file;
	bool comma; /* the next value needs one in front */
};

void json_put_object(struct json_writer *json, const char *key);
void json_put_object_end(struct json_writer *json);
void json_put_array(struct json_writer *json, const char *key);
void json_put_array_end(struct json_writer *json);

/* A string; bytes that are not UTF-8 become U+FFFD. NULL is null. */
void json_put_string(struct json_writer *json, const char *key, const char *value);
void json_put_u64(struct json_writer *json, const char *key, uint64_t value);

/* With three digits behind the point; numbers without meaning are null. */
void json_put_real(struct json_writer *json, const char *key, double value);
void json_put_bool(struct json_writer *json, const char *key, bool value);
void json_put_null(struct json_writer *json, const char *key);

/* Ends the outermost object's line. */
void json_put_line_end(struct json_writer *json);

#endif
