// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/json_stack.h"

#include <stdio.h>

static void put_frame(struct json_writer *json, const struct call_frame *frame, uint64_t address)
{
	char ip[19];

	snprintf(ip, sizeof(ip), "0x%llx", (unsigned long long)address);
	json_put_object(json, NULL);
	json_put_string(json, "ip", ip);
	json_put_string(json, "function", frame->function);
	if (frame->function || frame->module)
		json_put_u64(json, "offset", frame->offset);
	else
		json_put_null(json, "offset");
	json_put_string(json, "file", frame->file);
	if (frame->line)
		json_put_u64(json, "line", frame->line);
	else
		json_put_null(json, "line");
	json_put_string(json, "module", frame->module);
	json_put_string(json, "build_id", frame->build_id);
	json_put_object_end(json);
}

static const char *made_by(const struct call_stack *stack)
{
	switch (stack->how) {
	case STACK_ACCEPT:
		return "accept";
	case STACK_REQUEST:
		return "request";
	default:
		return "connect";
	}
}

void json_stack_put(struct json_writer *json, const struct call_stack *stack)
{
	char site[CALL_SITE_TEXT_LEN];

	if (!stack || !stack->count) {
		json_put_null(json, "made_by");
		json_put_null(json, "site");
		json_put_null(json, "stack");
		json_put_null(json, "stack_short");
		return;
	}
	json_put_string(json, "made_by", made_by(stack));
	json_put_string(json, "site", call_site_format(stack, site));
	json_put_array(json, "stack");
	for (size_t i = 0; i < stack->count; i++)
		put_frame(json, &stack->frames[i], call_stack_ip(stack, i));
	json_put_array_end(json);
	json_put_bool(json, "stack_short", stack->is_short);
}

/* Whether the group belongs to the process. Groups without a process belong to the unknown one. */
static bool is_of(const struct leak_group *group, const struct process *process)
{
	return group->process ? group->process == process : !process->tgid && !process->merged;
}

void json_stack_put_sites(struct json_writer *json, const struct view *view,
			  const struct process *process)
{
	json_put_array(json, "sites");
	for (size_t i = 0; i < view->group_count + view->part_count; i++) {
		const struct leak_group *group = view->groups[i];

		if (!group->site || !is_of(group, process))
			continue;
		json_put_object(json, NULL);
		json_put_string(json, "site", group->site);
		json_put_string(json, "kind", leak_kind_name(group->kind));
		json_put_u64(json, "total", group->total);
		json_put_u64(json, "open", group->open);
		json_put_u64(json, "oldest_ns", group->oldest_ns);
		json_put_object_end(json);
	}
	json_put_array_end(json);
}
