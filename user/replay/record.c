// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/process_limit.h"
#include "replay/wire.h"
#include "base/units.h"

static uint64_t read_time(struct replay_fields *fields, uint64_t missing)
{
	const char *at = replay_fields_string(fields, "at");
	uint64_t ns = missing;

	if (!at)
		return replay_fields_u64(fields, "time_ns", missing, REPLAY_TIME_MAX);
	if (replay_fields_has(fields, "time_ns"))
		replay_fields_wrong(fields, "at", "is given besides \"time_ns\"");
	/* duration_parse() has the same limit as REPLAY_TIME_MAX. */
	else if (duration_parse(at, &ns))
		replay_fields_wrong(fields, "at", "is not a time such as \"1.5s\"");
	return ns;
}

static int read_transition(struct replay_fields *fields, struct replay_item *item,
			   struct replay_memory *memory)
{
	int err = replay_wire_transition(fields, &item->transition, item->time_ns, memory);

	item->size = item->transition.header.size;
	return err;
}

static int read_fork(struct replay_fields *fields, struct replay_item *item,
		     struct replay_memory *memory)
{
	item->size = sizeof(item->fork);
	return replay_wire_fork(fields, &item->fork, item->time_ns, memory);
}

static int read_ended(struct replay_fields *fields, struct replay_item *item,
		      struct replay_memory *memory)
{
	item->size = sizeof(item->ended);
	return replay_wire_ended(fields, &item->ended, item->time_ns, memory);
}

static int read_accept(struct replay_fields *fields, struct replay_item *item,
		       struct replay_memory *memory)
{
	item->size = sizeof(item->accept);
	return replay_wire_accept(fields, &item->accept, item->time_ns, memory);
}

static int read_mini(struct replay_fields *fields, struct replay_item *item,
		     struct replay_memory *memory)
{
	item->size = sizeof(item->mini);
	return replay_wire_mini(fields, &item->mini, item->time_ns, memory);
}

static int read_request(struct replay_fields *fields, struct replay_item *item,
			struct replay_memory *memory)
{
	item->size = sizeof(item->request);
	return replay_wire_request(fields, &item->request, item->time_ns, memory);
}

static int read_segment(struct replay_fields *fields, struct replay_item *item,
			struct replay_memory *memory)
{
	item->size = sizeof(item->segment);
	return replay_wire_segment(fields, &item->segment, item->time_ns, memory);
}

/* A stack is much longer than other records, so it is outside the item. */
static int read_stack(struct replay_fields *fields, struct replay_item *item,
		      struct replay_memory *memory)
{
	item->stack = calloc(1, sizeof(*item->stack));
	if (!item->stack)
		return -ENOMEM;
	item->size = sizeof(*item->stack);
	return replay_wire_stack(fields, item->stack, item->time_ns, memory);
}

static int read_raw(struct replay_fields *fields, struct replay_item *item,
		    struct replay_memory *memory)
{
	(void)memory;
	item->size = replay_fields_hex(fields, "hex", item->wire, sizeof(item->wire));
	return 0;
}

static int read_scan_fd(struct replay_fields *fields, struct replay_item *item,
			struct replay_memory *memory)
{
	item->size = sizeof(item->scan_record);
	return replay_wire_scan(fields, &item->scan_record, EVENT_SCAN_FD, item->time_ns, memory);
}

static int read_scan_socket(struct replay_fields *fields, struct replay_item *item,
			    struct replay_memory *memory)
{
	if (replay_fields_has(fields, "listener"))
		item->listener = replay_wire_cookie(fields, "listener");
	item->size = sizeof(item->scan_record);
	return replay_wire_scan(fields, &item->scan_record, EVENT_SCAN_SOCKET, item->time_ns,
				memory);
}

static int read_scan_mini(struct replay_fields *fields, struct replay_item *item,
			  struct replay_memory *memory)
{
	item->size = sizeof(item->scan_record);
	return replay_wire_scan(fields, &item->scan_record, EVENT_SCAN_MINI, item->time_ns, memory);
}

static feature_set feature_of(const char *name)
{
	for (int i = 0; name && i < FEATURES; i++)
		if (!strcmp(feature_infos[i].name, name))
			return 1u << i;
	return 0;
}

static int read_features(struct replay_fields *fields, struct replay_item *item,
			 struct replay_memory *memory)
{
	const json_t *names = replay_fields_array(fields, "has");

	(void)memory;
	item->features = REPLAY_FEATURES_DEFAULT;
	for (size_t i = 0; i < json_array_size(names); i++) {
		feature_set feature = feature_of(json_string_value(json_array_get(names, i)));

		if (!feature)
			replay_fields_wrong(fields, "has",
					    "has an element that is not the name of a feature");
		item->features |= feature;
	}
	return 0;
}

/* Reads a list of namespaces. Returns false where there is none. */
static bool read_namespaces(struct replay_fields *fields, const char *name,
			    uint32_t namespaces[REPLAY_SEEN_MAX], uint32_t *count)
{
	const json_t *list = replay_fields_array(fields, name);

	if (json_array_size(list) > REPLAY_SEEN_MAX) {
		replay_fields_wrong(fields, name, "has too many elements");
		return true;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *netns = json_array_get(list, i);
		json_int_t inode = json_integer_value(netns);

		if (!json_is_integer(netns) || inode < 0 || inode > UINT32_MAX)
			replay_fields_wrong(fields, name,
					    "has an element that is not an inode number");
		else
			namespaces[(*count)++] = (uint32_t)inode;
	}
	return list;
}

static int read_scan(struct replay_fields *fields, struct replay_item *item,
		     struct replay_memory *memory)
{
	struct replay_scan *scan = &item->scan;
	bool all_known;

	(void)memory;
	scan->some_unseen = read_namespaces(fields, "seen", scan->seen, &scan->seen_count);
	all_known = read_namespaces(fields, "unseen", scan->unseen, &scan->unseen_count);
	scan->others_gone = !scan->some_unseen || all_known;
	scan->duration_ns = replay_fields_u64(fields, "duration_ns", 0, 60 * NS_PER_S);
	scan->error = (uint32_t)replay_fields_u64(fields, "error", 0, 4095);
	return 0;
}

static int read_ledger(struct replay_fields *fields, struct replay_item *item,
		       struct replay_memory *memory)
{
	(void)memory;
	item->ledger.seen_given = replay_fields_has(fields, "seen");
	item->ledger.seen = replay_fields_u64(fields, "seen", 0, REPLAY_COUNT_MAX);
	item->ledger.ring_full = replay_fields_u64(fields, "ring_full", 0, REPLAY_COUNT_MAX);
	item->ledger.recursion = replay_fields_u64(fields, "recursion", 0, REPLAY_COUNT_MAX);
	item->ledger.aside = replay_fields_u64(fields, "aside", 0, item->ledger.recursion);
	return 0;
}

static int read_clock(struct replay_fields *fields, struct replay_item *item,
		      struct replay_memory *memory)
{
	const struct replay_clock missing = REPLAY_CLOCK_DEFAULT;
	struct clock *clock = &item->clock.clock;

	(void)memory;
	clock->monotonic_to_wall_ns =
		replay_fields_i64(fields, "monotonic_to_wall_ns",
				  missing.clock.monotonic_to_wall_ns, REPLAY_TIME_MAX);
	clock->boottime_to_wall_ns = replay_fields_i64(
		fields, "boottime_to_wall_ns", clock->monotonic_to_wall_ns, REPLAY_TIME_MAX);
	item->clock.tick_ns = replay_fields_u64(fields, "tick_ns", missing.tick_ns, NS_PER_S);
	return 0;
}

static int read_exit(struct replay_fields *fields, struct replay_item *item,
		     struct replay_memory *memory)
{
	(void)memory;
	item->pid = replay_fields_u32(fields, "pid", 0);
	if (!item->pid)
		replay_fields_wrong(fields, "pid", "is missing");
	return 0;
}

static int read_limit(struct replay_fields *fields, struct replay_item *item,
		      struct replay_memory *memory)
{
	item->descriptors =
		replay_fields_u64(fields, "descriptors", PROCESS_LIMIT_DEFAULT, REPLAY_COUNT_MAX);
	return read_exit(fields, item, memory);
}

static int read_settings(struct replay_fields *fields, struct replay_item *item,
			 struct replay_memory *memory)
{
	struct net_settings *to = &item->settings.settings;
	const struct {
		const char *name;
		uint32_t *value;
	} numbers[] = {
		{"tw_reuse", &to->tw_reuse},
		{"syncookies", &to->syncookies},
		{"fin_timeout_s", &to->fin_timeout_s},
		{"syn_retries", &to->syn_retries},
		{"synack_retries", &to->synack_retries},
		{"max_syn_backlog", &to->max_syn_backlog},
		{"somaxconn", &to->somaxconn},
	};

	(void)memory;
	*to = NET_SETTINGS_DEFAULT;
	item->settings.netns = (uint32_t)replay_fields_u64(fields, "netns", 0, UINT32_MAX);
	to->port_low = (uint32_t)replay_fields_u64(fields, "port_low", to->port_low, UINT16_MAX);
	to->port_high = (uint32_t)replay_fields_u64(fields, "port_high", to->port_high, UINT16_MAX);
	if (to->port_high < to->port_low) {
		replay_fields_wrong(fields, "port_high", "is less than port_low");
		return 0;
	}
	to->ports = to->port_high - to->port_low + 1;
	to->ports = (uint32_t)replay_fields_u64(fields, "ports", to->ports, to->ports);
	to->timestamps = replay_fields_u64(fields, "timestamps", 1, 1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		*numbers[i].value = (uint32_t)replay_fields_u64(fields, numbers[i].name,
								*numbers[i].value, UINT32_MAX);
	return 0;
}

static int read_symbol(struct replay_fields *fields, struct replay_item *item,
		       struct replay_memory *memory)
{
	(void)memory;
	return replay_symbol_read(fields, &item->symbol);
}

static int read_end(struct replay_fields *fields, struct replay_item *item,
		    struct replay_memory *memory)
{
	(void)fields;
	(void)item;
	(void)memory;
	return 0;
}

static const struct line_type {
	const char *name;
	enum replay_type type;
	int (*read)(struct replay_fields *fields, struct replay_item *item,
		    struct replay_memory *memory);
} line_types[] = {
	{"transition", REPLAY_RECORD, read_transition},
	{"fork", REPLAY_RECORD, read_fork},
	{"ended", REPLAY_RECORD, read_ended},
	{"accept", REPLAY_RECORD, read_accept},
	{"mini", REPLAY_RECORD, read_mini},
	{"request", REPLAY_RECORD, read_request},
	{"segment", REPLAY_RECORD, read_segment},
	{"stack", REPLAY_STACK, read_stack},
	{"raw", REPLAY_RECORD, read_raw},
	{"scan", REPLAY_SCAN, read_scan},
	{"scan_fd", REPLAY_SCAN_RECORD, read_scan_fd},
	{"scan_socket", REPLAY_SCAN_RECORD, read_scan_socket},
	{"scan_mini", REPLAY_SCAN_RECORD, read_scan_mini},
	{"features", REPLAY_FEATURES, read_features},
	{"ledger", REPLAY_LEDGER, read_ledger},
	{"clock", REPLAY_CLOCK, read_clock},
	{"settings", REPLAY_SETTINGS, read_settings},
	{"limit", REPLAY_LIMIT, read_limit},
	{"symbol", REPLAY_SYMBOL, read_symbol},
	{"exit", REPLAY_EXIT, read_exit},
	{"end", REPLAY_END, read_end},
};

void replay_item_clear(struct replay_item *item)
{
	if (item->type == REPLAY_STACK)
		free(item->stack);
	else if (item->type == REPLAY_SYMBOL)
		replay_symbol_free(item->symbol);
}

static int read_item(struct replay_fields *fields, struct replay_item *item, uint64_t last_ns,
		     struct replay_memory *memory)
{
	const char *name = replay_fields_string(fields, "type");

	item->time_ns = read_time(fields, last_ns);
	if (!name) {
		replay_fields_wrong(fields, "type", "is missing");
		return 0;
	}
	for (size_t i = 0; i < sizeof(line_types) / sizeof(*line_types); i++) {
		if (strcmp(name, line_types[i].name))
			continue;
		item->type = line_types[i].type;
		return line_types[i].read(fields, item, memory);
	}
	replay_error_set(fields->error, "\"type\": \"%.40s\" is not known", name);
	return 0;
}

int replay_item_parse(struct replay_item *item, const char *line, size_t length, uint64_t last_ns,
		      struct replay_memory *memory, struct replay_error *error)
{
	struct replay_fields fields;
	json_error_t json_error;
	json_t *object;
	int err = 0;

	memset(item, 0, sizeof(*item));
	object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &json_error);
	if (!object) {
		replay_error_set(error, "column %d: %s", json_error.column, json_error.text);
		return -EINVAL;
	}
	replay_fields_begin(&fields, object, "", error);
	if (json_is_object(object))
		err = read_item(&fields, item, last_ns, memory);
	if (!err && !replay_fields_end(&fields))
		err = -EINVAL;
	json_decref(object);
	return err;
}
