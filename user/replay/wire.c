// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "replay/wire.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model/tcp_state.h"
#include "base/units.h"
#include "replay/wire_task.h"

#define SENT_LONG_AGO	 900000U /* kernel ticks */
#define COOKIE_DIGITS	 16
#define ADDRESS_TEXT_LEN INET6_ADDRSTRLEN
#define SHUTDOWN_MAX	 3

static const struct {
	const char *name;
	enum event_flag flag;
} flag_names[] = {
	{"actor", EVENT_ACTOR},
	{"sk_socket", EVENT_SK_SOCKET},
	{"dead", EVENT_DEAD},
	{"done", EVENT_DONE},
	{"linger", EVENT_LINGER},
	{"linger2_neg", EVENT_LINGER2_NEG},
	{"kern_sock", EVENT_KERN_SOCK},
	{"keepalive", EVENT_KEEPALIVE},
	{"exiting", EVENT_EXITING},
	{"closer", EVENT_CLOSER},
	{"redirected", EVENT_REDIRECTED},
	{"connected", EVENT_CONNECTED},
	{"acked", EVENT_ACKED},
	{"sent_last", EVENT_SENT_LAST},
	{"received_last", EVENT_RECEIVED_LAST},
};

static void header_fill(struct event_header *header, enum event_kind kind, size_t size,
			uint32_t netns)
{
	*header = (struct event_header){
		.kind = kind,
		.version = EVENT_VERSION,
		.size = (uint16_t)size,
		.netns = netns,
	};
}

uint64_t replay_wire_cookie(struct replay_fields *fields, const char *name)
{
	const char *text = replay_fields_string(fields, name);
	size_t length = text ? strlen(text) : 0;
	uint64_t cookie = 0;

	if (length && length <= COOKIE_DIGITS && strspn(text, "0123456789abcdefABCDEF") == length)
		cookie = strtoull(text, NULL, 16);
	if (!cookie)
		replay_fields_wrong(fields, name, "is not a cookie: hex digits, not 0");
	return cookie;
}

static unsigned int flag_of(const char *name)
{
	for (size_t i = 0; name && i < sizeof(flag_names) / sizeof(*flag_names); i++)
		if (!strcmp(flag_names[i].name, name))
			return flag_names[i].flag;
	return 0;
}

static uint16_t read_flags(struct replay_fields *fields, unsigned int missing)
{
	const json_t *names = replay_fields_array(fields, "flags");
	unsigned int flags = 0;

	if (!names)
		return (uint16_t)missing;
	for (size_t i = 0; i < json_array_size(names); i++) {
		unsigned int flag = flag_of(json_string_value(json_array_get(names, i)));

		if (!flag)
			replay_fields_wrong(fields, "flags",
					    "has an element that is not the name of a flag");
		flags |= flag;
	}
	return (uint16_t)flags;
}

static unsigned int state_of(const char *name)
{
	for (unsigned int state = 1; state < TCP_STATES; state++)
		if (!strcmp(tcp_state_name(state), name))
			return state;
	return 0;
}

static uint8_t read_state(struct replay_fields *fields, const char *field, uint8_t missing)
{
	const char *name = replay_fields_string(fields, field);
	unsigned int state = name ? state_of(name) : missing;

	if (!state)
		replay_fields_wrong(fields, field, name ? "is not a state" : "is missing");
	return (uint8_t)state;
}

static bool port_parse(const char *text, uint16_t *port)
{
	size_t length = strlen(text);
	unsigned long number;

	if (!length || length > 5 || strspn(text, "0123456789") != length)
		return false;
	number = strtoul(text, NULL, 10);
	*port = (uint16_t)number;
	return number <= UINT16_MAX;
}

/* Parses "addr:port" or "[v6]:port". */
static bool endpoint_parse(const char *text, int family, uint8_t *address, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	char host[ADDRESS_TEXT_LEN];
	size_t length = colon ? (size_t)(colon - text) : 0;
	bool brackets = length > 1 && text[0] == '[' && text[length - 1] == ']';

	if (!colon || brackets != (family == AF_INET6))
		return false;
	if (brackets) {
		text++;
		length -= 2;
	}
	if (length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	memset(address, 0, EVENT_ADDRESS_LEN);
	return inet_pton(family, host, address) == 1 && port_parse(colon + 1, port);
}

static void read_endpoint(struct replay_fields *fields, const char *field, int family,
			  uint8_t *address, uint16_t *port)
{
	const char *text = replay_fields_string(fields, field);

	if (text && !endpoint_parse(text, family, address, port))
		replay_fields_wrong(fields, field,
				    "is not \"addr:port\" or \"[v6]:port\" of its family");
}

static uint16_t read_family(struct replay_fields *fields, uint16_t missing)
{
	const char *name = replay_fields_string(fields, "family");
	const char *local = json_string_value(json_object_get(fields->object, "local"));

	if (name && !strcmp(name, "inet"))
		return AF_INET;
	if (name && !strcmp(name, "inet6"))
		return AF_INET6;
	if (name)
		replay_fields_wrong(fields, "family", "is neither inet nor inet6");
	if (local)
		return *local == '[' ? AF_INET6 : AF_INET;
	return missing ? missing : AF_INET;
}

/* Reads the fields that every line of a socket has. Returns NULL without memory. */
static struct replay_socket *read_socket(struct replay_fields *fields, uint64_t cookie,
					 struct replay_memory *memory)
{
	struct replay_socket *socket = replay_memory_socket(memory, cookie);
	struct event_flow *flow;
	uint16_t family;

	if (!socket)
		return NULL;
	flow = &socket->flow;
	socket->netns = replay_fields_u32(fields, "netns",
					  socket->netns ? socket->netns : REPLAY_NETNS_DEFAULT);
	family = read_family(fields, flow->family);
	if (family != flow->family)
		*flow = (struct event_flow){.family = family};
	read_endpoint(fields, "local", flow->family, flow->local, &flow->local_port);
	read_endpoint(fields, "remote", flow->family, flow->remote, &flow->remote_port);
	return socket;
}

int replay_wire_transition(struct replay_fields *fields, struct event_transition *e,
			   uint64_t time_ns, struct replay_memory *memory)
{
	uint64_t cookie = replay_wire_cookie(fields, "socket");
	struct replay_socket *socket = read_socket(fields, cookie, memory);
	bool task = replay_fields_has(fields, "task");
	bool has_task;

	if (!socket)
		return -ENOMEM;
	e->time_ns = time_ns;
	e->cookie = cookie;
	e->flow = socket->flow;
	e->flow.flags = read_flags(fields, task ? EVENT_ACTOR | EVENT_SK_SOCKET : 0);
	has_task = e->flow.flags & EVENT_WITH_TASK;
	header_fill(&e->header, EVENT_TRANSITION, has_task ? sizeof(*e) : EVENT_TRANSITION_SHORT,
		    socket->netns);
	if (task && !has_task)
		replay_fields_wrong(fields, "task", "is given without the flag \"actor\"");
	e->from = read_state(fields, "from", socket->state);
	e->to = read_state(fields, "to", 0);
	socket->state = e->to;
	e->shutdown = (uint8_t)replay_fields_u64(fields, "shutdown", 0, SHUTDOWN_MAX);
	e->error = replay_fields_u32(fields, "error", 0);
	e->srtt_us = replay_fields_u32(fields, e->to == TCP_CLOSE ? "mss" : "srtt_us", 0);
	e->retransmits = (uint8_t)replay_fields_u64(fields, "retransmits", 0, UINT8_MAX);
	e->recv_queue = replay_fields_u32(fields, "recv_queue", 0);
	e->write_seq = replay_fields_u32(fields, "write_seq", 0);
	e->copied_seq = replay_fields_u32(fields, "copied_seq", 0);
	if (e->to != TCP_CLOSE)
		e->rto_time_ms = replay_fields_u32(fields, "rto_time_ms", 0);
	else if (e->from == TCP_SYN_SENT)
		e->port_range = replay_fields_u32(fields, "port_range", 0);
	else
		e->unacknowledged = replay_fields_u32(fields, "unacknowledged", 0);
	/* Without the field, each line has a segment of its own. */
	e->segment = replay_fields_u32(fields, "segment", (uint32_t)time_ns);
	return replay_wire_task(fields, "task", "task.", &e->task, memory);
}

int replay_wire_fork(struct replay_fields *fields, struct event_fork *e, uint64_t time_ns,
		     struct replay_memory *memory)
{
	int err;

	if (!replay_fields_has(fields, "parent") || !replay_fields_has(fields, "child"))
		replay_fields_wrong(fields, "child", "or \"parent\" is missing");
	header_fill(&e->header, EVENT_FORK, sizeof(*e), 0);
	e->time_ns = time_ns;
	err = replay_wire_task(fields, "parent", "parent.", &e->parent, memory);
	return err ? err : replay_wire_task(fields, "child", "child.", &e->child, memory);
}

int replay_wire_ended(struct replay_fields *fields, struct event_exit *e, uint64_t time_ns,
		      struct replay_memory *memory)
{
	if (!replay_fields_has(fields, "task"))
		replay_fields_wrong(fields, "task", "is missing");
	header_fill(&e->header, EVENT_EXIT, sizeof(*e), 0);
	e->time_ns = time_ns;
	return replay_wire_task(fields, "task", "task.", &e->task, memory);
}

int replay_wire_accept(struct replay_fields *fields, struct event_accept *e, uint64_t time_ns,
		       struct replay_memory *memory)
{
	uint64_t cookie = replay_wire_cookie(fields, "socket");
	struct replay_socket *socket = read_socket(fields, cookie, memory);

	if (!socket)
		return -ENOMEM;
	header_fill(&e->header, EVENT_ACCEPT, sizeof(*e), socket->netns);
	e->time_ns = time_ns;
	e->cookie = cookie;
	e->flow = socket->flow;
	e->flow.flags = read_flags(fields, 0);
	e->state = read_state(fields, "state", socket->state ? socket->state : TCP_ESTABLISHED);
	return replay_wire_task(fields, "task", "task.", &e->task, memory);
}

/* Reads one of several names. Returns its place in the array, counted from 1; 0 if it is wrong. */
static uint8_t read_name(struct replay_fields *fields, const char *field, const char *const *names)
{
	const char *name = replay_fields_string(fields, field);

	for (uint8_t i = 0; name && names[i]; i++)
		if (!strcmp(names[i], name))
			return (uint8_t)(i + 1);
	replay_fields_wrong(fields, field, name ? "is not known" : "is missing");
	return 0;
}

static uint8_t read_what(struct replay_fields *fields, const char *const *names)
{
	return read_name(fields, "what", names);
}

static int32_t read_ticks(struct replay_fields *fields)
{
	return (int32_t)replay_fields_i64(fields, "left_ticks", 0, INT32_MAX);
}

int replay_wire_mini(struct replay_fields *fields, struct event_mini *e, uint64_t time_ns,
		     struct replay_memory *memory)
{
	static const char *const whats[] = {
		[MINI_ENDED - 1] = "ended",
		[MINI_TIMED - 1] = "timed",
		[MINI_REFUSED - 1] = "refused",
		[MINI_REFUSED] = NULL,
	};
	uint64_t cookie = replay_wire_cookie(fields, "socket");
	struct replay_socket *socket = read_socket(fields, cookie, memory);

	if (!socket)
		return -ENOMEM;
	header_fill(&e->header, EVENT_MINI, sizeof(*e), socket->netns);
	e->time_ns = time_ns;
	e->cookie = cookie;
	e->flow = socket->flow;
	e->flow.flags = read_flags(fields, 0);
	e->what = read_what(fields, whats);
	e->state = read_state(fields, "state", TCP_TIME_WAIT);
	e->left_ticks = read_ticks(fields);
	return 0;
}

int replay_wire_request(struct replay_fields *fields, struct event_request *e, uint64_t time_ns,
			struct replay_memory *memory)
{
	static const char *const whats[] = {
		[REQUEST_DROPPED - 1] = "dropped",
		[REQUEST_COMPLETED - 1] = "completed",
		[REQUEST_COMPLETED] = NULL,
	};
	uint64_t cookie = replay_wire_cookie(fields, "socket");
	struct replay_socket *socket = read_socket(fields, cookie, memory);

	if (!socket)
		return -ENOMEM;
	header_fill(&e->header, EVENT_REQUEST, sizeof(*e), socket->netns);
	e->time_ns = time_ns;
	e->cookie = cookie;
	e->flow = socket->flow;
	e->flow.flags = read_flags(fields, 0);
	e->what = read_what(fields, whats);
	e->age_us = replay_fields_u64(fields, "age_us", 0, INT64_MAX);
	e->retransmits = (uint8_t)replay_fields_u64(fields, "retransmits", 0, UINT8_MAX);
	e->left_ticks = read_ticks(fields);
	return 0;
}

int replay_wire_segment(struct replay_fields *fields, struct event_segment *e, uint64_t time_ns,
			struct replay_memory *memory)
{
	static const char *const whats[] = {
		[SEGMENT_REPEATED - 1] = "repeated",
		[SEGMENT_SYNACK_REPEATED - 1] = "synack_repeated",
		[SEGMENT_RESET_SENT - 1] = "reset_sent",
		[SEGMENT_RESET_RECEIVED - 1] = "reset_received",
		[SEGMENT_RESET_RECEIVED] = NULL,
	};
	uint64_t cookie = replay_wire_cookie(fields, "socket");
	struct replay_socket *socket = replay_memory_socket(memory, cookie);
	struct event_flow before;
	uint8_t state;

	if (!socket)
		return -ENOMEM;
	before = socket->flow;
	read_socket(fields, cookie, memory);
	header_fill(&e->header, EVENT_SEGMENT, sizeof(*e), socket->netns);
	e->time_ns = time_ns;
	e->cookie = cookie;
	e->flow = socket->flow;
	e->flow.flags = read_flags(fields, 0);
	e->what = read_what(fields, whats);
	state = socket->state;
	if (e->what == SEGMENT_SYNACK_REPEATED) { /* the listener keeps its own addresses */
		socket->flow = before;
		state = TCP_SYN_RECV;
	}
	e->state = read_state(fields, "state", state);
	e->timeouts = (uint8_t)replay_fields_u64(fields, "timeouts", 0, UINT8_MAX);
	e->backoff = (uint8_t)replay_fields_u64(fields, "backoff", 0, UINT8_MAX);
	e->unacknowledged = replay_fields_u32(fields, "unacknowledged", 0);
	e->last_received_ticks = replay_fields_u32(fields, "last_received_ticks", 0);
	e->reason = replay_fields_u32(fields, "reason", 0);
	return 0;
}

/* Parses "0x401234": a string, since numbers in JSON do not have 64 bits. */
static bool frame_parse(const char *text, __u64 *address)
{
	size_t length = text ? strlen(text) : 0;

	if (length < 3 || length > 2 + 16 || text[0] != '0' || text[1] != 'x' ||
	    strspn(text + 2, "0123456789abcdef") != length - 2)
		return false;
	*address = strtoull(text, NULL, 16);
	return true;
}

static void read_frames(struct replay_fields *fields, struct event_stack *e)
{
	const json_t *frames = replay_fields_array(fields, "frames");
	size_t count = json_array_size(frames);

	if (!count || count > EVENT_STACK_FRAMES) {
		replay_fields_wrong(fields, "frames", "has no elements, or more than 64");
		return;
	}
	e->count = (uint16_t)count;
	for (size_t i = 0; i < count; i++)
		if (!frame_parse(json_string_value(json_array_get(frames, i)), &e->frames[i]))
			replay_fields_wrong(
				fields, "frames",
				"has an element that is not an address such as \"0x401234\"");
}

int replay_wire_stack(struct replay_fields *fields, struct event_stack *e, uint64_t time_ns,
		      struct replay_memory *memory)
{
	static const char *const hows[] = {
		[STACK_CONNECT - 1] = "connect",
		[STACK_ACCEPT - 1] = "accept",
		[STACK_REQUEST - 1] = "request",
		[STACK_REQUEST] = NULL,
	};
	uint64_t cookie = replay_wire_cookie(fields, "socket");
	struct replay_socket *socket = read_socket(fields, cookie, memory);

	if (!socket)
		return -ENOMEM;
	header_fill(&e->header, EVENT_STACK, sizeof(*e), socket->netns);
	e->time_ns = time_ns;
	e->cookie = cookie;
	e->exec_id = replay_fields_u32(fields, "exec_id", 0);
	e->how = read_name(fields, "how", hows);
	read_frames(fields, e);
	if (!replay_fields_has(fields, "task"))
		replay_fields_wrong(fields, "task", "is missing");
	return replay_wire_task(fields, "task", "task.", &e->task, memory);
}

int replay_wire_scan(struct replay_fields *fields, struct event_scan *e, enum event_kind kind,
		     uint64_t time_ns, struct replay_memory *memory)
{
	uint64_t cookie = replay_wire_cookie(fields, "socket");
	struct replay_socket *socket = read_socket(fields, cookie, memory);
	int err;

	if (!socket)
		return -ENOMEM;
	header_fill(&e->header, kind, sizeof(*e), socket->netns);
	e->time_ns = time_ns;
	e->cookie = cookie;
	e->flow = socket->flow;
	e->flow.flags = read_flags(fields, kind == EVENT_SCAN_FD ? EVENT_SK_SOCKET : 0);
	e->state = read_state(fields, "state", socket->state);
	socket->state = e->state;
	if (kind == EVENT_SCAN_MINI) {
		e->mini.age_us = replay_fields_u64(fields, "age_us", 0, INT64_MAX);
		e->mini.left_ticks = read_ticks(fields);
		e->mini.retransmits = replay_fields_u32(fields, "retransmits", 0);
		return 0;
	}
	e->recv_queue = replay_fields_u32(fields, "recv_queue", 0);
	e->send_queue = replay_fields_u32(fields, "send_queue", 0);
	e->write_seq = replay_fields_u32(fields, "write_seq", 0);
	e->copied_seq = replay_fields_u32(fields, "copied_seq", 0);
	e->last_sent_ticks = replay_fields_u32(fields, "last_sent_ticks", SENT_LONG_AGO);
	e->last_received_ticks = replay_fields_u32(fields, "last_received_ticks", 0);
	if (kind == EVENT_SCAN_SOCKET)
		return 0;
	e->fd = replay_fields_u32(fields, "fd", 0);
	err = replay_wire_task(fields, "task", "task.", &e->task, memory);
	e->task.tid = replay_fields_u32(fields, "tid", 0);
	return err;
}
