/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_HEADER_H
#define TCPWATCH_BTF_HEADER_H

/*
 * What vmlinux.h declares, read from the object that header-source.awk makes of it: there each
 * record under preserve_access_index has the tag "core". What has none is compiled in as it is
 * declared, numbers too: a kernel must have it just so.
 */

#include "kernel.h"
#include "report.h"

struct header {
	struct btf *btf;
	bool *core; /* by type */
};

void header_open(struct header *header, const char *path);
void header_close(struct header *header);

/* Rows for what is compiled in. */
void header_report(const struct header *header, const struct object *object, struct kernel *kernels,
		   struct report *report);

/* Prints what no program reads; nothing where there is none. */
void header_print_untouched(const struct header *header, const struct object *object);

#endif
