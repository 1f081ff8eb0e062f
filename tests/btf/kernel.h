/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_KERNEL_H
#define TCPWATCH_BTF_KERNEL_H

/* A kernel's BTF, and finding there what a BPF object touches, by libbpf's rules. */

#include "object.h"

struct kernel {
	const char *path;
	char *label;
	struct btf *btf;
	/* Types of one name, as last asked for. */
	const char *name;
	int kind;
	__u32 *ids;
	size_t id_count;
};

enum found {
	FOUND,
	FOUND_NO_TYPE,
	FOUND_NO_FIELD,	   /* or enumerator */
	FOUND_OTHER_KIND,  /* place is that of the field that libbpf does not take */
	FOUND_SHORT_ARRAY, /* it has no element of that number */
	FOUND_AMBIGUOUS,   /* types of that name differ in it */
};

struct answer {
	enum found found;
	struct place place;
	__s64 value; /* of an enumerator; of a type, its size */
};

/* Ends the tool with a message where there is no BTF in the file. */
void kernel_open(struct kernel *kernel, const char *path);
void kernel_close(struct kernel *kernel);

struct answer kernel_find(struct kernel *kernel, const struct object *object,
			  const struct touch *touch);

#endif
