/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_WIRE_TASK_H
#define TCPWATCH_REPLAY_WIRE_TASK_H

#include "event.h"
#include "replay/field.h"
#include "replay/memory.h"

/*
 * Reads the task in a field: {"pid", "start_ns", "comm"}, or a pid that a line before has described
 * so. `prefix` is put before the names of its fields in messages. Without the field *task is
 * untouched. A fault goes to the error of `fields`. Returns 0 or -ENOMEM.
 */
int replay_wire_task(struct replay_fields *fields, const char *name, const char *prefix,
		     struct event_task *task, struct replay_memory *memory);

#endif
