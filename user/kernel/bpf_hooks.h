/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BPF_HOOKS_H
#define TCPWATCH_BPF_HOOKS_H

#include <stdbool.h>

#include "model/feature.h"
#include "model/options.h"

struct tcpwatch;

/* What FEATURE_HALF_OPEN is put on in kernels that have it in one function only. */
#define BPF_REQUEST_HOOK_OLD "inet_csk_reqsk_queue_drop"

/* What a kernel says to the hooks of the full mode. */
struct bpf_hooks {
	feature_set allowed;
	bool old_request; /* BPF_REQUEST_HOOK_OLD is the one to use */
};

/* Asks with the shortest program there is: it is the hook that is refused, or not. */
void bpf_hooks_probe(struct bpf_hooks *hooks, const struct tcpwatch *skeleton,
		     const struct options *options);

#endif
