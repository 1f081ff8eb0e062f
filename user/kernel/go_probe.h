/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_PROBE_H
#define TCPWATCH_GO_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/options.h"

struct bpf_link;
struct bpf_program;

/* How many Go programs have a probe at a time. The one that was not started for longest loses
 * it. */
#define GO_PROBES_MAX 64

/* Attaches bpf/go_request.bpf.c to the Go programs that processes run, once for each file. */
struct go_probe;

/* The BPF programs are loaded, and stay the caller's. at_start: the one for breakpoints, or
 * NULL. verbose: print to stderr what is attached. Returns 0, or a negative errno with *probe
 * untouched. */
int go_probe_new(struct go_probe **probe, const struct bpf_program *program,
		 const struct bpf_program *at_start, bool verbose);
/* Detaches all probes; waits until that is done, some 100 ms. NULL is allowed. */
void go_probe_free(struct go_probe *probe);

/* Attaches to the Go programs of processes that are watched and already run: those of -p, those
 * with a name of -n, or all. */
void go_probe_running(struct go_probe *probe, const struct options *options);

/* The process has begun to run another program: attaches to it if it is a Go program without a
 * probe. Failures are ignored. */
void go_probe_executed(struct go_probe *probe, uint32_t pid);

/* A descriptor that is readable when a file with a probe was written to. Then go_probe_changed()
 * detaches the probe, since the function may be elsewhere now. The descriptor stays the probe's. */
int go_probe_fd(const struct go_probe *probe);
void go_probe_changed(struct go_probe *probe);

/* Tries whether probes can be attached at all, on go_landmark(). Returns 0 with *link, which the
 * caller destroys, or a negative errno. */
int go_probe_try(const struct bpf_program *program, struct bpf_link **link);

#endif
