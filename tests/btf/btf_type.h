/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_TYPE_H
#define TCPWATCH_BTF_TYPE_H

/* Looking at types of any BTF, also of a broken one: no answer is NULL but a type's. */

#include <bpf/btf.h>
#include <stdbool.h>
#include <stddef.h>

#define SPELL_MAX 256

/* "" where there is none. */
const char *btf_type_name(const struct btf *btf, const struct btf_type *type);
const char *btf_member_name(const struct btf *btf, const struct btf_member *member);

/* Equal without their ___flavour. */
bool btf_names_match(const char *a, const char *b);

/* The type behind const, volatile, typedef...; NULL for void and for a chain that leads nowhere. */
const struct btf_type *btf_type_skip(const struct btf *btf, __u32 id, __u32 *skipped_id);

/* Number and name of an enumerator, whatever its enum's width. */
__s64 btf_enumerator_value(const struct btf_type *type, __u32 n);
const char *btf_enumerator_name(const struct btf *btf, const struct btf_type *type, __u32 n);

bool btf_int_is_signed(const struct btf_type *type);

/* The type as tables show it, the same for the same thing: u32, struct sock *, char[16]. */
const char *btf_type_spell(const struct btf *btf, __u32 id, char spelled[SPELL_MAX]);

/* "struct ", "union ", "enum " or "". */
const char *btf_kind_word(const struct btf_type *type);

#endif
