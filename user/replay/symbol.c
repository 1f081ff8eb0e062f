// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/symbol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

/* Reads an address, "0x7f00". Returns 0 if it is wrong. */
static uint64_t read_ip(struct replay_fields *fields)
{
	const char *text = replay_fields_string(fields, "ip");
	char *end;
	uint64_t ip;

	if (!text || strncmp(text, "0x", 2) || strlen(text) > 18 ||
	    strspn(text + 2, "0123456789abcdef") != strlen(text) - 2) {
		replay_fields_wrong(fields, "ip", "is not an address such as \"0x7f00\"");
		return 0;
	}
	ip = strtoull(text, &end, 16);
	if (!ip)
		replay_fields_wrong(fields, "ip", "is 0");
	return ip;
}

/* Returns a copy of a string, or NULL if it is missing. Without memory, *err is -ENOMEM. */
static const char *copy(struct replay_fields *fields, const char *name, int *err)
{
	const char *text = replay_fields_string(fields, name);
	char *own = text ? strdup(text) : NULL;

	if (text && !own)
		*err = -ENOMEM;
	return own;
}

static int read_frame(struct call_frame *frame, const json_t *object, struct replay_error *error)
{
	struct replay_fields fields;
	int err = 0;

	replay_fields_begin(&fields, object, "frames.", error);
	if (!json_is_object(object))
		return 0;
	frame->function = copy(&fields, "function", &err);
	frame->offset = replay_fields_u64(&fields, "offset", 0, INT64_MAX);
	frame->file = copy(&fields, "file", &err);
	frame->line = replay_fields_u32(&fields, "line", 0);
	frame->module = copy(&fields, "module", &err);
	frame->build_id = copy(&fields, "build_id", &err);
	replay_fields_end(&fields);
	return err;
}

int replay_symbol_read(struct replay_fields *fields, struct replay_symbol **symbol)
{
	const json_t *frames = replay_fields_array(fields, "frames");
	struct replay_symbol *own = calloc(1, sizeof(*own));
	int err = 0;

	*symbol = own;
	if (!own)
		return -ENOMEM;
	own->ip = read_ip(fields);
	own->after_ns = replay_fields_u64(fields, "after_ns", 0, 60 * NS_PER_S);
	own->is_short = replay_fields_u64(fields, "short", 0, 1);
	if (!json_array_size(frames) || json_array_size(frames) > REPLAY_SYMBOL_FRAMES) {
		replay_fields_wrong(fields, "frames", "has no elements, or too many");
		return 0;
	}
	while (!err && own->count < json_array_size(frames)) {
		struct call_frame *frame = &own->frames[own->count];

		err = read_frame(frame, json_array_get(frames, own->count), fields->error);
		frame->ip = own->ip;
		own->count++;
	}
	return err;
}

void replay_symbol_free(struct replay_symbol *symbol)
{
	if (!symbol)
		return;
	for (size_t i = 0; i < symbol->count; i++) {
		free((char *)symbol->frames[i].function);
		free((char *)symbol->frames[i].file);
		free((char *)symbol->frames[i].module);
		free((char *)symbol->frames[i].build_id);
	}
	free(symbol);
}
