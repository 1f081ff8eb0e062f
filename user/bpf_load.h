/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BPF_LOAD_H
#define TCPWATCH_BPF_LOAD_H

#include <stdbool.h>

#include "options.h"

struct tcpwatch;

/* Opens the skeleton with libbpf's messages kept back (shown with `verbose`). NULL with errno set.
 */
struct tcpwatch *bpf_load_open(bool verbose);

/* Settings that programs are loaded with: ring size, pid namespace, which are wanted. Returns 0 or
 * -errno. */
int bpf_load_configure(struct tcpwatch *skeleton, const struct options *options);

/* What libbpf said last of a failure; "" if nothing. */
const char *bpf_load_message(void);

/* Is the kernel's BTF readable? */
bool bpf_load_has_btf(void);

/* Prints why loading failed with err, on what evidence, and one remedy. */
void bpf_load_explain(int err);

#endif
