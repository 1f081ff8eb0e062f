/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BPF_HOOKS_H
#define TCPWATCH_BPF_HOOKS_H

#include <stdbool.h>

#include "model/feature.h"
#include "model/options.h"

struct tcpwatch;

/* The hook of FEATURE_HALF_OPEN in kernels without __inet_csk_reqsk_queue_drop()
 * (bpf/request.bpf.c). */
#define BPF_REQUEST_HOOK_OLD "inet_csk_reqsk_queue_drop"

/* Which hooks of the full mode the kernel allows. */
struct bpf_hooks {
	feature_set allowed; /* of the full mode */
	bool old_request;    /* FEATURE_HALF_OPEN must use BPF_REQUEST_HOOK_OLD */
};

/* Tries each hook with the shortest possible program, so that only the hook itself can be the
 * reason for a refusal. The skeleton need only be opened. Without BTF no hook is allowed. */
void bpf_hooks_probe(struct bpf_hooks *hooks, const struct tcpwatch *skeleton,
		     const struct options *options);

#endif
