/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_FLOW_H
#define TCPWATCH_BTF_FLOW_H

/*
 * What of a program can run where some of the kernel's types and fields do not exist: the verifier
 * sees bpf_core_field_exists() as a constant and never reaches what stands behind the other answer.
 * On the way, which arguments of its hook the program uses and as what.
 */

#include "object.h"

#define ARGUMENTS_MAX 12 /* of a traced function, in every kernel */

struct argument {
	bool used;
	__u32 type_id; /* it is read as a pointer to this type of the object; 0: not known */
};

enum existence { EXISTENCE_UNKNOWN, EXISTENCE_NO, EXISTENCE_YES };

/* existence is by touch->index. live, by instruction, and arguments are filled where not NULL. */
void flow_run(const struct program *program, const enum existence *existence, bool *live,
	      struct argument arguments[ARGUMENTS_MAX]);

#endif
