// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Attaches every program of a BPF object and keeps them attached until a signal ends it.
 *
 *	attach OBJECT.bpf.o
 */
#include <bpf/libbpf.h>
#include <err.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct bpf_program *program = NULL;
	struct bpf_object *object;

	if (argc != 2)
		errx(2, "usage: attach OBJECT.bpf.o");
	object = bpf_object__open_file(argv[1], NULL);
	if (!object || bpf_object__load(object))
		errx(1, "cannot load %s", argv[1]);
	while ((program = bpf_object__next_program(object, program)))
		if (!bpf_program__attach(program))
			errx(1, "cannot attach %s", bpf_program__name(program));
	pause();
	return 0;
}
