/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_FIELD_H
#define TCPWATCH_REPLAY_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wrong with a log, and where. */
struct replay_error {
	size_t line;	/* counted from 1; 0: not one line's fault */
	char text[160]; /* names the field; printable ASCII; "" = nothing is wrong */
};

/* Says what is wrong, unless something was before. Bytes that a terminal must not get become '?'.
 */
void replay_error_set(struct replay_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* More fields than any object of a log has. */
#define REPLAY_FIELDS_MAX 40

/*
 * The fields of one JSON object of a log, read one by one. A missing field is its default. Whatever
 * is wrong goes to *error, once, and reading goes on with defaults; so only the end must be looked
 * at.
 */
struct replay_fields {
	const json_t *object;
	const char *prefix; /* of names in messages: "" or "task." */
	struct replay_error *error;
	const char *read[REPLAY_FIELDS_MAX]; /* names asked for so far */
	size_t read_count;
};

/* All four stay the caller's. An `object` that is none is an error. */
void replay_fields_begin(struct replay_fields *fields, const json_t *object, const char *prefix,
			 struct replay_error *error);

/* Returns whether all was right; a field that nobody asked for is not. */
bool replay_fields_end(struct replay_fields *fields);

/* Is it there? Does not count as reading it. */
bool replay_fields_has(const struct replay_fields *fields, const char *name);

/* Whole numbers within bounds. */
uint64_t replay_fields_u64(struct replay_fields *fields, const char *name, uint64_t missing,
			   uint64_t max);
uint32_t replay_fields_u32(struct replay_fields *fields, const char *name, uint32_t missing);
int64_t replay_fields_i64(struct replay_fields *fields, const char *name, int64_t missing,
			  int64_t max);

/* NULL if it is missing (or wrong). The object's own. */
const char *replay_fields_string(struct replay_fields *fields, const char *name);
const json_t *replay_fields_array(struct replay_fields *fields, const char *name);
const json_t *replay_fields_any(struct replay_fields *fields, const char *name);

/* Bytes written as pairs of hex digits, at most `room` of them. Returns how many; 0 if missing. */
size_t replay_fields_hex(struct replay_fields *fields, const char *name, void *bytes, size_t room);

/* What is wrong with a field's value, for example "is no state". */
void replay_fields_wrong(struct replay_fields *fields, const char *name, const char *wrong);

#endif
