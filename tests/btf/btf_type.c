// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "btf_type.h"

#include <stdio.h>
#include <string.h>

/* Longer chains are loops, which a broken BTF can have. */
#define CHAIN_MAX 32

static const char *name_at(const struct btf *btf, __u32 offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name ? name : "";
}

const char *btf_type_name(const struct btf *btf, const struct btf_type *type)
{
	return type ? name_at(btf, type->name_off) : "";
}

const char *btf_member_name(const struct btf *btf, const struct btf_member *member)
{
	return name_at(btf, member->name_off);
}

/* A flavour is all from the last "___" on, where something is before it. */
static size_t essential_length(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = length; i-- > 1;)
		if (!strncmp(name + i, "___", 3) && name[i - 1] != '_' && name[i + 3] &&
		    name[i + 3] != '_')
			return i;
	return length;
}

bool btf_names_match(const char *a, const char *b)
{
	size_t length = essential_length(a);

	return length == essential_length(b) && !strncmp(a, b, length);
}

static bool is_wrapper(const struct btf_type *type)
{
	return btf_is_mod(type) || btf_is_typedef(type);
}

const struct btf_type *btf_type_skip(const struct btf *btf, __u32 id, __u32 *skipped_id)
{
	for (int i = 0; i < CHAIN_MAX; i++) {
		const struct btf_type *type = id ? btf__type_by_id(btf, id) : NULL;

		if (!type)
			return NULL;
		if (!is_wrapper(type)) {
			if (skipped_id)
				*skipped_id = id;
			return type;
		}
		id = type->type;
	}
	return NULL;
}

__s64 btf_enumerator_value(const struct btf_type *type, __u32 n)
{
	if (btf_is_enum64(type))
		return (__s64)btf_enum64_value(&btf_enum64(type)[n]);
	return btf_enum(type)[n].val;
}

const char *btf_enumerator_name(const struct btf *btf, const struct btf_type *type, __u32 n)
{
	return name_at(btf, btf_is_enum64(type) ? btf_enum64(type)[n].name_off
						: btf_enum(type)[n].name_off);
}

bool btf_int_is_signed(const struct btf_type *type)
{
	return btf_int_encoding(type) & BTF_INT_SIGNED;
}

const char *btf_kind_word(const struct btf_type *type)
{
	switch (btf_kind(type)) {
	case BTF_KIND_STRUCT:
		return "struct ";
	case BTF_KIND_UNION:
		return "union ";
	case BTF_KIND_FWD:
		return btf_kflag(type) ? "union " : "struct ";
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return "enum ";
	default:
		return "";
	}
}

/* char's sign depends on architecture and compiler flags, and nobody computes with it. */
static void spell_int(const struct btf *btf, const struct btf_type *type, char *spelled)
{
	const char *name = btf_type_name(btf, type);

	if (!strcmp(name, "char"))
		snprintf(spelled, SPELL_MAX, "char");
	else if (btf_int_encoding(type) & BTF_INT_BOOL || !strcmp(name, "_Bool"))
		snprintf(spelled, SPELL_MAX, "bool");
	else
		snprintf(spelled, SPELL_MAX, "%c%u", btf_int_is_signed(type) ? 's' : 'u',
			 type->size * 8);
}

static void append(char *spelled, const char *text)
{
	size_t length = strlen(spelled);

	snprintf(spelled + length, SPELL_MAX - length, "%s", text);
}

/* A struct without a name goes by its typedef's. */
static const char *typedef_name(const struct btf *btf, __u32 id)
{
	const char *name = "";

	for (int i = 0; i < CHAIN_MAX; i++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!type || !is_wrapper(type))
			break;
		if (btf_is_typedef(type))
			name = btf_type_name(btf, type);
		id = type->type;
	}
	return name;
}

static void spell_named(const struct btf *btf, __u32 id, const struct btf_type *type, char *spelled)
{
	const char *name = btf_type_name(btf, type);

	if (*name)
		snprintf(spelled, SPELL_MAX, "%s%s", btf_kind_word(type), name);
	else if (*typedef_name(btf, id))
		snprintf(spelled, SPELL_MAX, "%s", typedef_name(btf, id));
	else
		snprintf(spelled, SPELL_MAX, "%s{}", btf_kind_word(type));
}

const char *btf_type_spell(const struct btf *btf, __u32 id, char spelled[SPELL_MAX])
{
	const struct btf_type *type = btf_type_skip(btf, id, NULL);
	char suffix[SPELL_MAX] = "";
	char number[16];

	for (int i = 0; type && i < CHAIN_MAX; i++) {
		if (btf_is_ptr(type)) {
			memmove(suffix + 1, suffix, SPELL_MAX - 2);
			suffix[0] = '*';
			id = type->type;
		} else if (btf_is_array(type)) {
			snprintf(number, sizeof(number), "[%u]", btf_array(type)->nelems);
			append(suffix, number);
			id = btf_array(type)->type;
		} else {
			break;
		}
		type = btf_type_skip(btf, id, NULL);
	}
	if (!type)
		snprintf(spelled, SPELL_MAX, "void");
	else if (btf_is_int(type))
		spell_int(btf, type, spelled);
	else if (btf_is_func_proto(type))
		snprintf(spelled, SPELL_MAX, "function");
	else
		spell_named(btf, id, type, spelled);
	if (suffix[0] == '*')
		append(spelled, " ");
	append(spelled, suffix);
	return spelled;
}
