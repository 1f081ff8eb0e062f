// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/wire_task.h"

#include <string.h>

#include "base/units.h"

#define PID_MAX 4194304

static void read_comm(struct replay_fields *fields, uint8_t comm[EVENT_COMM_LEN])
{
	const char *text = replay_fields_string(fields, "comm");

	size_t length;

	if (!text) {
		replay_fields_hex(fields, "comm_hex", comm, EVENT_COMM_LEN);
		return;
	}
	length = strlen(text);
	if (replay_fields_has(fields, "comm_hex"))
		replay_fields_wrong(fields, "comm", "is given besides \"comm_hex\"");
	else if (length > EVENT_COMM_LEN)
		replay_fields_wrong(fields, "comm", "is longer than 16 bytes");
	else
		memcpy(comm, text, length);
}

static int read_task_object(struct replay_fields *outer, const json_t *object, const char *prefix,
			    struct event_task *task, struct replay_memory *memory)
{
	struct replay_fields fields;

	replay_fields_begin(&fields, object, prefix, outer->error);
	task->tgid = (uint32_t)replay_fields_u64(&fields, "pid", 0, PID_MAX);
	task->start_ns = replay_fields_u64(&fields, "start_ns", task->tgid * NS_PER_MS, INT64_MAX);
	read_comm(&fields, task->comm);
	return replay_fields_end(&fields) ? replay_memory_add_task(memory, task) : 0;
}

int replay_wire_task(struct replay_fields *fields, const char *name, const char *prefix,
		     struct event_task *task, struct replay_memory *memory)
{
	const json_t *value = replay_fields_any(fields, name);
	const struct event_task *known;
	json_int_t pid = json_integer_value(value);

	if (!value)
		return 0;
	if (!json_is_integer(value))
		return read_task_object(fields, value, prefix, task, memory);
	known = pid > 0 && pid <= PID_MAX ? replay_memory_task(memory, (uint32_t)pid) : NULL;
	if (known)
		*task = *known;
	else
		replay_fields_wrong(fields, name, "is a pid that no line before has described");
	return 0;
}
