// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/bpf_slot.h"

#include <string.h>

#include "tcpwatch.skel.h"

static struct bpf_prog_skeleton *find_slot(const struct tcpwatch *skeleton, const char *program)
{
	const struct bpf_object_skeleton *base = skeleton->skeleton;

	for (int i = 0; i < base->prog_cnt; i++)
		if (!strcmp(base->progs[i].name, program))
			return &base->progs[i];
	return NULL; /* not reached: the build has all programs that features name */
}

struct bpf_prog_skeleton *bpf_slot_main(const struct tcpwatch *skeleton, enum feature feature)
{
	return find_slot(skeleton, feature_infos[feature].program);
}

struct bpf_prog_skeleton *bpf_slot_twin(const struct tcpwatch *skeleton, enum feature feature)
{
	const char *twin = feature_infos[feature].twin;

	return twin ? find_slot(skeleton, twin) : NULL;
}
