/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SUPPRESS_H
#define TCPWATCH_SUPPRESS_H

/* Leaks for the tests of suppressions. */
#include "events.h"

#include "model/flow.h"
#include "leak/leak.h"
#include "leak/suppressions.h"

struct made_leak {
	struct leak leak;
	struct flow flow;
	struct process process;
	struct call_stack stack;
	struct call_frame frames[8];
};

static inline void made_leak_init(struct made_leak *made, enum socket_role role,
				  enum leak_kind kind, const char *comm)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.9", 2001);

	memset(made, 0, sizeof(*made));
	flow_read(&made->flow, &flow, 1);
	made->leak.flow = &made->flow;
	made->leak.role = role;
	made->leak.kind = kind;
	if (!comm)
		return;
	strncpy(made->process.comm, comm, sizeof(made->process.comm) - 1);
	made->process.tgid = 812;
	made->leak.process = &made->process;
}

static inline void made_leak_frame(struct made_leak *made, const char *function, const char *file,
				   const char *module)
{
	assert_true(made->stack.count < ARRAY_SIZE(made->frames));
	made->frames[made->stack.count++] =
		(struct call_frame){.function = function, .file = file, .module = module};
	made->stack.frames = made->frames;
	made->leak.stack = &made->stack;
}

static inline struct suppressions *suppressions_of(const char *text)
{
	struct suppressions *suppressions = NULL;
	char error[SUPPRESSIONS_ERROR_LEN];

	if (suppressions_parse(&suppressions, text, strlen(text), "sup", error))
		fail_msg("%s", error);
	return suppressions;
}

/* Whether a file with only this text ignores the leak. */
static inline bool ignores(const char *text, const struct leak *leak)
{
	struct suppressions *suppressions = suppressions_of(text);
	bool ignored = suppressions_match(suppressions, leak);
	const struct suppression *first = suppressions_at(suppressions, 0);

	assert_int_equal(first ? first->count : 0, ignored);
	suppressions_free(suppressions);
	return ignored;
}

#endif
