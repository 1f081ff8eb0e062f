/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_PROBE_H
#define TCPWATCH_GO_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/options.h"

struct bpf_link;
struct bpf_program;

/* Go programs that are attached to at a time; of more, those stay that were started last. */
#define GO_PROBES_MAX 64

/* Attaches bpf/go_request.bpf.c to the Go programs that processes run. */
struct go_probe;

/* The programs stay the caller's, and are loaded; at_start: for breakpoints, or NULL; verbose: says
 * on stderr what it attaches to. Returns 0 or a negative errno. */
int go_probe_new(struct go_probe **probe, const struct bpf_program *program,
		 const struct bpf_program *at_start, bool verbose);
/* Detaches from all. */
void go_probe_free(struct go_probe *probe);

/* Looks at what is watched and runs: the processes of -p, those with a name of -n, or all. */
void go_probe_running(struct go_probe *probe, const struct options *options);

/* The process runs another program now: attaches to that, if it is a Go program which is not
 * known yet. */
void go_probe_executed(struct go_probe *probe, uint32_t pid);

/* Readable when a program that is attached to was written to: then call go_probe_changed(), which
 * detaches from it. What was found there is elsewhere now. */
int go_probe_fd(const struct go_probe *probe);
void go_probe_changed(struct go_probe *probe);

/* Attaches it to go_landmark(): may this be done at all? Returns 0 and *link, or a negative errno.
 */
int go_probe_try(const struct bpf_program *program, struct bpf_link **link);

#endif
