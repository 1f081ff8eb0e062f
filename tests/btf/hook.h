/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_HOOK_H
#define TCPWATCH_BTF_HOOK_H

/* Where the programs attach: whether a kernel has it, with the arguments that they use. */

#include "flow.h"
#include "kernel.h"
#include "report.h"

struct hook {
	const struct program *program;
	struct argument arguments[ARGUMENTS_MAX];
	int argument_count; /* up to the last that is used */
	/* The argument that is the function's result, as of the kernels that have just so many
	 * before it; -1: none. With one more before it, it would be another thing. */
	int result;
};

void hook_init(struct hook *hook, const struct object *object, const struct program *program);

/* Called with every kernel before the rest. */
void hook_learn(struct hook *hook, const struct kernel *kernel);

/* What the program uses of it, in the way of a prototype. */
void hook_describe(const struct hook *hook, const struct object *object, char *how, size_t size);

void hook_judge(const struct hook *hook, const struct object *object, struct kernel *kernel,
		bool optional, struct verdict *verdict);

/* The hook's prototype in that kernel, "" where it has none. */
void hook_prototype(const struct hook *hook, const struct kernel *kernel, char *text, size_t size);

#endif
