// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A log that is being read. */
struct reading {
	struct replay_log *log;
	struct replay_memory *memory;
	struct replay_error *error;
	uint64_t now_ns;
	uint64_t scan_end_ns; /* of the last scan */
	bool in_scan;	      /* records of a scan may follow */
	bool ended;
};

static struct replay_item *item_add(struct replay_log *log)
{
	if (log->count == log->capacity) {
		size_t capacity = log->capacity ? log->capacity * 2 : 64;
		struct replay_item *items = reallocarray(log->items, capacity, sizeof(*items));

		if (!items)
			return NULL;
		log->items = items;
		log->capacity = capacity;
	}
	return &log->items[log->count++];
}

static bool is_record(const struct replay_item *item)
{
	return item->type == REPLAY_RECORD || item->type == REPLAY_STACK;
}

/* Checks a line against the lines before it. */
static void check_order(struct reading *reading, const struct replay_item *item)
{
	struct replay_error *error = reading->error;

	if (reading->ended)
		replay_error_set(error, "\"type\": a line follows the end of the log");
	else if (reading->log->count > REPLAY_ITEMS_MAX)
		replay_error_set(error, "the log has more than %d lines", REPLAY_ITEMS_MAX);
	else if (!is_record(item) && item->time_ns < reading->now_ns)
		replay_error_set(error, "\"time_ns\" is before that of the line before");
	else if (item->type == REPLAY_FEATURES && reading->log->count > 1)
		replay_error_set(error, "\"type\": features can only be in the first line");
	else if (item->type == REPLAY_SCAN_RECORD && !reading->in_scan)
		replay_error_set(error, "\"type\": a part of a scan does not follow a scan");
	else if (item->type == REPLAY_SCAN_RECORD && item->time_ns > reading->scan_end_ns)
		replay_error_set(error, "\"time_ns\" is after the end of the scan");
}

static int read_line(struct reading *reading, const char *line, size_t length)
{
	struct replay_item *item = item_add(reading->log);
	int err;

	if (!item)
		return -ENOMEM;
	err = replay_item_parse(item, line, length, reading->now_ns, reading->memory,
				reading->error);
	if (err)
		return err;
	check_order(reading, item);
	if (reading->error->text[0])
		return -EINVAL;
	if (item->time_ns > reading->now_ns)
		reading->now_ns = item->time_ns;
	if (item->type == REPLAY_SCAN)
		reading->scan_end_ns = item->time_ns + item->scan.duration_ns;
	reading->in_scan = item->type == REPLAY_SCAN || item->type == REPLAY_SCAN_RECORD;
	reading->ended = item->type == REPLAY_END;
	return 0;
}

static bool is_ignored(const char *line, size_t length)
{
	size_t blanks = 0;

	while (blanks < length && (line[blanks] == ' ' || line[blanks] == '\r'))
		blanks++;
	return blanks == length || line[blanks] == '#';
}

/* Unlike fgets(), this reads lines with zero bytes. Returns the length without the newline, EOF at
 * the end, or REPLAY_LINE_MAX for a line that is too long. */
static int line_get(FILE *file, char line[REPLAY_LINE_MAX])
{
	int length = 0, c;

	while ((c = getc_unlocked(file)) != EOF && c != '\n' && length < REPLAY_LINE_MAX)
		line[length++] = (char)c;
	return c == EOF && !length ? EOF : length;
}

static int read_lines(struct reading *reading, FILE *file)
{
	char line[REPLAY_LINE_MAX];
	int length, err = 0;

	while (!err && (length = line_get(file, line)) != EOF) {
		reading->error->line++;
		if (length >= REPLAY_LINE_MAX) {
			replay_error_set(reading->error, "the line is longer than %d bytes",
					 REPLAY_LINE_MAX - 1);
			err = -EINVAL;
		} else if (!is_ignored(line, (size_t)length)) {
			err = read_line(reading, line, (size_t)length);
		}
	}
	if (!err && ferror(file))
		err = -EIO;
	return err;
}

/* The cookie of the socket that the record changes, so that older scans of it are outdated; 0:
 * none. */
static uint64_t changed_cookie(const struct replay_item *item)
{
	switch (item->transition.header.kind) {
	case EVENT_TRANSITION:
		return item->transition.cookie;
	case EVENT_MINI:
		return item->mini.cookie;
	case EVENT_REQUEST:
		return item->request.cookie;
	default:
		return 0;
	}
}

/* Goes backwards and finds for each scanned socket the next record that changes it. */
static int find_changes(struct replay_log *log, struct replay_memory *memory)
{
	for (size_t i = log->count; i-- > 0;) {
		struct replay_item *item = &log->items[i];
		struct replay_socket *socket;

		if (item->type == REPLAY_SCAN_RECORD) {
			socket = replay_memory_socket(memory, item->scan_record.cookie);
			if (!socket)
				return -ENOMEM;
			item->next_change = socket->next_change;
		} else if (item->type == REPLAY_RECORD && changed_cookie(item)) {
			socket = replay_memory_socket(memory, changed_cookie(item));
			if (!socket)
				return -ENOMEM;
			socket->next_change = i;
		}
	}
	return 0;
}

int replay_log_read(struct replay_log *log, FILE *file, struct replay_error *error)
{
	struct reading reading = {.log = log, .error = error};
	int err;

	memset(log, 0, sizeof(*log));
	memset(error, 0, sizeof(*error));
	reading.memory = replay_memory_new();
	err = reading.memory ? read_lines(&reading, file) : -ENOMEM;
	if (!err)
		err = find_changes(log, reading.memory);
	replay_memory_free(reading.memory);
	if (err)
		replay_log_clear(log);
	return err;
}

void replay_log_clear(struct replay_log *log)
{
	for (size_t i = 0; i < log->count; i++)
		replay_item_clear(&log->items[i]);
	free(log->items);
	memset(log, 0, sizeof(*log));
}
