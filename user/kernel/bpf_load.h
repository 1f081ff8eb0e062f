/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BPF_LOAD_H
#define TCPWATCH_BPF_LOAD_H

#include <stdbool.h>

#include "model/feature.h"
#include "model/options.h"

struct tcpwatch;

/*
 * Loads and attaches what the kernel lets, leaving out one by one what it does not and what is not
 * needed. Returns 0 and *skeleton (free with tcpwatch__destroy()) and *features; or a negative
 * errno if not even the core works, then nothing is left.
 */
int bpf_load(struct tcpwatch **skeleton, const struct options *options, feature_set *features);

/* "fentry/__inet_csk_reqsk_queue_drop" */
#define BPF_HOOK_TEXT 48

/*
 * Loads, and attaches, the program of one feature alone; writes what it is put on to `hook`.
 * Returns 0 or a negative errno.
 */
int bpf_load_try(const struct options *options, enum feature feature, char hook[BPF_HOOK_TEXT]);

/* Is the file of --btf BTF, or a program with BTF? Prints what is wrong. Returns 0 or -EINVAL. */
int bpf_load_check_btf(const struct options *options);

/* The file that the kernel's types are read from. */
const char *bpf_load_btf_path(const struct options *options);

/* Takes the programs of a feature off their hooks. */
void bpf_load_detach(const struct tcpwatch *skeleton, enum feature feature);

/* What libbpf said last of a failure; "" if nothing. */
const char *bpf_load_message(void);

/* Is the kernel's BTF, or the file of --btf, readable? Else errno is set. */
bool bpf_load_has_btf(const struct options *options);

/* Prints why loading failed with err, on what evidence, and one remedy. */
void bpf_load_explain(int err, const struct options *options);

#endif
