/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_FIELD_H
#define TCPWATCH_REPLAY_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first fault of a log. */
struct replay_error {
	size_t line;	/* counted from 1; 0: the fault is not in one line */
	char text[160]; /* names the field; printable ASCII; "": no fault */
};

/* Writes what is wrong, unless there is a fault already. What is not printable ASCII becomes '?'.
 */
void replay_error_set(struct replay_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* More fields than any object of a log has. */
#define REPLAY_FIELDS_MAX 40

/*
 * The fields of one JSON object of a log, read one by one. A missing field has its default. The
 * first fault goes to *error, and reading continues with defaults, so that only the result of
 * replay_fields_end() has to be checked.
 */
struct replay_fields {
	const json_t *object;
	const char *prefix; /* of field names in messages: "" or "task." */
	struct replay_error *error;
	const char *read[REPLAY_FIELDS_MAX]; /* the names that were read so far */
	size_t read_count;
};

/* Begins with an object; another JSON value is a fault. The caller keeps and frees all four. */
void replay_fields_begin(struct replay_fields *fields, const json_t *object, const char *prefix,
			 struct replay_error *error);

/* Returns whether there is no fault. A field that was not read is one. */
bool replay_fields_end(struct replay_fields *fields);

/* Whether the field exists. This does not read it. */
bool replay_fields_has(const struct replay_fields *fields, const char *name);

/* Read a whole number from 0, or -max, to max. Return `missing` if there is none. */
uint64_t replay_fields_u64(struct replay_fields *fields, const char *name, uint64_t missing,
			   uint64_t max);
uint32_t replay_fields_u32(struct replay_fields *fields, const char *name, uint32_t missing);
int64_t replay_fields_i64(struct replay_fields *fields, const char *name, int64_t missing,
			  int64_t max);

/* Read a string, an array, or any value. Return NULL if it is missing or of another type. The
 * object owns it. */
const char *replay_fields_string(struct replay_fields *fields, const char *name);
const json_t *replay_fields_array(struct replay_fields *fields, const char *name);
const json_t *replay_fields_any(struct replay_fields *fields, const char *name);

/* Reads at most `room` bytes, written as pairs of hex digits. Returns how many; 0 if missing. */
size_t replay_fields_hex(struct replay_fields *fields, const char *name, void *bytes, size_t room);

/* Writes what is wrong with the value of a field, for example "is not a state". */
void replay_fields_wrong(struct replay_fields *fields, const char *name, const char *wrong);

#endif
