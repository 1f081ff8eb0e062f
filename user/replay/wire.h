/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_WIRE_H
#define TCPWATCH_REPLAY_WIRE_H

#include "event.h"
#include "replay/field.h"
#include "replay/memory.h"

/* The inode of the network namespace that a log does not name: that of the initial one on many
 * kernels. */
#define REPLAY_NETNS_DEFAULT 4026531840U

/* Returns a cookie, which is in hex; 0 if it is wrong or missing, which goes to the error of
 * `fields`. */
uint64_t replay_wire_cookie(struct replay_fields *fields, const char *name);

/*
 * Make of a line the record that the BPF programs would have written. A fault goes to the error of
 * `fields`. Return 0 or -ENOMEM.
 */
int replay_wire_transition(struct replay_fields *fields, struct event_transition *e,
			   uint64_t time_ns, struct replay_memory *memory);
int replay_wire_fork(struct replay_fields *fields, struct event_fork *e, uint64_t time_ns,
		     struct replay_memory *memory);
int replay_wire_ended(struct replay_fields *fields, struct event_exit *e, uint64_t time_ns,
		      struct replay_memory *memory);
int replay_wire_accept(struct replay_fields *fields, struct event_accept *e, uint64_t time_ns,
		       struct replay_memory *memory);
int replay_wire_mini(struct replay_fields *fields, struct event_mini *e, uint64_t time_ns,
		     struct replay_memory *memory);
int replay_wire_request(struct replay_fields *fields, struct event_request *e, uint64_t time_ns,
			struct replay_memory *memory);
int replay_wire_segment(struct replay_fields *fields, struct event_segment *e, uint64_t time_ns,
			struct replay_memory *memory);
int replay_wire_stack(struct replay_fields *fields, struct event_stack *e, uint64_t time_ns,
		      struct replay_memory *memory);
int replay_wire_scan(struct replay_fields *fields, struct event_scan *e, enum event_kind kind,
		     uint64_t time_ns, struct replay_memory *memory);

#endif
