/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BPF_LOAD_H
#define TCPWATCH_BPF_LOAD_H

#include <stdbool.h>

#include "model/feature.h"
#include "model/options.h"

struct tcpwatch;

/*
 * Loads the programs that the options need. Leaves out, one by one, those that the kernel refuses,
 * unless they are of the core. Returns 0 with *skeleton, which the caller frees with
 * tcpwatch__destroy(), and *features; or a negative errno with nothing left loaded.
 */
int bpf_load(struct tcpwatch **skeleton, const struct options *options, feature_set *features);

/* Attaches what was loaded, and removes from *features what cannot be attached. Returns 0, or a
 * negative errno where that is needed. */
int bpf_load_attach(const struct tcpwatch *skeleton, const struct options *options,
		    feature_set *features);

/* Room for "fentry/__inet_csk_reqsk_queue_drop" with its 0. */
#define BPF_HOOK_TEXT 48

/*
 * Loads and attaches the programs of one feature alone, then detaches them. Writes the name of
 * their hook to `hook`. Returns 0 or a negative errno.
 */
int bpf_load_try(const struct options *options, enum feature feature, char hook[BPF_HOOK_TEXT]);

/* Checks that the file of --btf has the BTF of the running kernel. Returns 0, or -EINVAL after a
 * message on stderr. */
int bpf_load_check_btf(const struct options *options);

/* The file that the kernel's types are read from: that of --btf, or the kernel's own. */
const char *bpf_load_btf_path(const struct options *options);

/* Detaches the programs of a feature. */
void bpf_load_detach(const struct tcpwatch *skeleton, enum feature feature);

/* The first message of libbpf about a program that failed, since the last call that loads; "" if
 * there is none. Valid until the next such call. */
const char *bpf_load_message(void);

/* Whether the file of bpf_load_btf_path() is readable. Sets errno if not. */
bool bpf_load_has_btf(const struct options *options);

/* Prints to stderr why loading failed with `err`, a negative errno: cause, evidence and one
 * remedy. */
void bpf_load_explain(int err, const struct options *options);

#endif
