// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/bpf_hooks.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/btf_file.h"
#include "kernel/bpf_slot.h"

static struct btf *kernel_btf(const struct options *options)
{
	return options->btf ? btf__parse(btf_file_path(options), NULL) : btf__load_vmlinux_btf();
}

static int find_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
}

static int probe_function(int btf_id, enum bpf_attach_type type)
{
	/* r0 = 0; exit */
	const struct bpf_insn program[] = {{.code = 0xb7}, {.code = 0x95}};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type,
		    .attach_btf_id = (__u32)btf_id);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", program, 2, &opts);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static bool probe_feature(struct bpf_hooks *hooks, const struct btf *btf,
			  const struct bpf_program *program, enum feature feature)
{
	const char *section = bpf_program__section_name(program);
	int id = find_function(btf, strchr(section, '/') + 1);

	if (id < 0 && feature == FEATURE_HALF_OPEN) {
		id = find_function(btf, BPF_REQUEST_HOOK_OLD);
		hooks->old_request = id > 0;
	}
	return id > 0 && !probe_function(id, bpf_program__expected_attach_type(program));
}

void bpf_hooks_probe(struct bpf_hooks *hooks, const struct tcpwatch *skeleton,
		     const struct options *options)
{
	struct btf *btf = kernel_btf(options);

	*hooks = (struct bpf_hooks){0};
	for (enum feature feature = 0; btf && feature < FEATURES; feature++)
		if (feature_infos[feature].full &&
		    probe_feature(hooks, btf, *bpf_slot_main(skeleton, feature)->prog, feature))
			hooks->allowed |= 1u << feature;
	btf__free(btf);
}
