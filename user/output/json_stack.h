/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_JSON_STACK_H
#define TCPWATCH_JSON_STACK_H

#include "symbol/call_site.h"
#include "output/json_writer.h"
#include "output/view.h"

/* Writes the members of a leak that describe where its socket was made: made_by, site, stack,
 * stack_short. They are null if `stack` is NULL. */
void json_stack_put(struct json_writer *json, const struct call_stack *stack);

/* Writes the member `sites` of a process: its call sites. */
void json_stack_put_sites(struct json_writer *json, const struct view *view,
			  const struct process *process);

#endif
