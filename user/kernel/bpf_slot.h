/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BPF_SLOT_H
#define TCPWATCH_BPF_SLOT_H

#include "model/feature.h"

struct bpf_prog_skeleton;
struct tcpwatch;

/* Where the skeleton has the program of a feature and its link. Valid as long as the skeleton. */
struct bpf_prog_skeleton *bpf_slot_main(const struct tcpwatch *skeleton, enum feature feature);

/* The same for the second program, which some features have; NULL for the others. */
struct bpf_prog_skeleton *bpf_slot_twin(const struct tcpwatch *skeleton, enum feature feature);

#endif
