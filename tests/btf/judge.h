/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_JUDGE_H
#define TCPWATCH_BTF_JUDGE_H

/* Whether what the programs touch is, in one kernel, what they take it for. */

#include "kernel.h"
#include "report.h"

/* A kernel with all answers to what the object touches. */
struct judge {
	const struct object *object;
	struct kernel *kernel;
	struct answer *answers; /* by touch->index */
	bool **live;		/* by program and instruction: can run on this kernel */
};

void judge_init(struct judge *judge, const struct object *object, struct kernel *kernel);
void judge_free(struct judge *judge);

void judge_touch(const struct judge *judge, const struct touch *touch, struct verdict *verdict);

/* How the object reads it. */
void judge_describe(const struct object *object, const struct touch *touch, char how[CELL_MAX]);

#endif
