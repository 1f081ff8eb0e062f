// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "object.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf_type.h"
#include "memory.h"

#define NAME_MAX_LEN 512

/* What libbpf exports up to 1.4 in place of the btf_ext__raw_data() of its header, and still does.
 */
extern const void *btf_ext__get_raw_data(const struct btf_ext *btf_ext, __u32 *size);

/* Of .BTF.ext; libbpf has checked it before it gives the bytes out. */
struct ext_header {
	__u16 magic;
	__u8 version;
	__u8 flags;
	__u32 hdr_len;
	__u32 func_info_off;
	__u32 func_info_len;
	__u32 line_info_off;
	__u32 line_info_len;
	__u32 core_relo_off;
	__u32 core_relo_len;
};

struct ext_section {
	__u32 name;
	__u32 count;
};

struct func_info {
	__u32 insn_off;
	__u32 type_id;
};

typedef void (*record_fn)(struct object *object, __u32 section, const void *record);

static void for_each_record(struct object *object, const char *bytes, __u32 length, record_fn fn)
{
	const char *end = bytes + length;
	__u32 record_size;

	if (length < sizeof(record_size))
		return;
	memcpy(&record_size, bytes, sizeof(record_size));
	bytes += sizeof(record_size);
	while (bytes + sizeof(struct ext_section) <= end) {
		const struct ext_section *section = (const void *)bytes;

		bytes += sizeof(*section);
		for (__u32 i = 0; i < section->count && bytes + record_size <= end; i++) {
			fn(object, section->name, bytes);
			bytes += record_size;
		}
	}
}

static void add_program(struct object *object, __u32 section, const void *record)
{
	const struct func_info *func = record;
	const char *name = btf_type_name(object->btf, btf__type_by_id(object->btf, func->type_id));
	struct bpf_program *bpf = bpf_object__find_program_by_name(object->bpf, name);
	struct program *program;

	object->programs =
		list_grow(object->programs, object->program_count, sizeof(*object->programs));
	program = &object->programs[object->program_count++];
	*program = (struct program){
		.name = name,
		.section = bpf ? bpf_program__section_name(bpf) : "",
		.section_name = section,
		.offset = func->insn_off,
		.insns = bpf ? bpf_program__insns(bpf) : NULL,
		.insn_count = bpf ? bpf_program__insn_cnt(bpf) : 0,
	};
	program->relo_at = zalloc(program->insn_count + 1, sizeof(struct relo *));
}

static struct program *find_program(struct object *object, __u32 section, __u32 offset)
{
	struct program *found = NULL;

	for (size_t i = 0; i < object->program_count; i++) {
		struct program *program = &object->programs[i];

		if (program->section_name == section && program->offset <= offset &&
		    (!found || program->offset > found->offset))
			found = program;
	}
	return found;
}

static enum touch_kind touch_kind_of(enum bpf_core_relo_kind kind)
{
	if (kind <= BPF_CORE_FIELD_RSHIFT_U64)
		return TOUCH_FIELD;
	if (kind == BPF_CORE_ENUMVAL_EXISTS || kind == BPF_CORE_ENUMVAL_VALUE)
		return TOUCH_ENUM;
	return TOUCH_TYPE;
}

static void step_into_member(const struct btf *btf, const struct btf_type *type, __u32 n,
			     struct touch *touch)
{
	const struct btf_member *member = btf_members(type) + n;
	const char *name = btf_member_name(btf, member);

	touch->place.bit_offset += btf_member_bit_offset(type, n);
	touch->place.bit_size = btf_member_bitfield_size(type, n);
	touch->place.type_id = member->type;
	if (*name)
		touch->steps[touch->step_count++] =
			(struct step){.name = name, .type_id = member->type};
}

static bool step_into(const struct btf *btf, __u32 n, struct touch *touch)
{
	const struct btf_type *type = btf_type_skip(btf, touch->place.type_id, NULL);

	if (!type || touch->step_count >= STEPS_MAX)
		return false;
	if (btf_is_composite(type) && n < btf_vlen(type)) {
		step_into_member(btf, type, n, touch);
		return true;
	}
	if (!btf_is_array(type))
		return false;
	touch->place.type_id = btf_array(type)->type;
	touch->place.bit_offset += n * btf__resolve_size(btf, touch->place.type_id) * 8;
	touch->place.bit_size = 0;
	touch->steps[touch->step_count++] =
		(struct step){.index = n, .type_id = touch->place.type_id};
	return true;
}

/* "0:1:0": the element of the root as an array, then a member's or an element's number. */
static bool follow(const struct btf *btf, const char *path, struct touch *touch)
{
	char *end;

	touch->place.type_id = touch->root_id;
	if (strtoul(path, &end, 10)) /* p[1].field: no kernel object is an array of its kind */
		return false;
	while (*end == ':') {
		__u32 n = strtoul(end + 1, &end, 10);

		if (!step_into(btf, n, touch))
			return false;
	}
	return !*end;
}

static bool follow_enumerator(const struct btf *btf, const char *path, struct touch *touch)
{
	const struct btf_type *type = btf_type_skip(btf, touch->root_id, NULL);
	__u32 n = strtoul(path, NULL, 10);

	if (!type || !btf_is_any_enum(type) || n >= btf_vlen(type))
		return false;
	touch->enumerator = btf_enumerator_name(btf, type, n);
	touch->value = btf_enumerator_value(type, n);
	return true;
}

static void name_touch(const struct btf *btf, struct touch *touch)
{
	const struct btf_type *root = btf__type_by_id(btf, touch->root_id);
	char name[NAME_MAX_LEN];
	int length = snprintf(name, sizeof(name), "%s%s%s%s", btf_kind_word(root),
			      btf_type_name(btf, root), touch->enumerator ? " " : "",
			      touch->enumerator ? touch->enumerator : "");

	for (size_t i = 0; i < touch->step_count && length < NAME_MAX_LEN; i++) {
		const struct step *step = &touch->steps[i];

		if (step->name)
			length += snprintf(name + length, sizeof(name) - length, ".%s", step->name);
		else
			length +=
				snprintf(name + length, sizeof(name) - length, "[%u]", step->index);
	}
	touch->name = must(strdup(name));
}

static struct touch *find_touch(struct object *object, const struct touch *wanted)
{
	for (size_t i = 0; i < object->touch_count; i++)
		if (object->touches[i]->kind == wanted->kind &&
		    !strcmp(object->touches[i]->name, wanted->name))
			return object->touches[i];
	return NULL;
}

static struct touch *make_touch(struct object *object, const struct bpf_core_relo *relo)
{
	const char *path = btf__name_by_offset(object->btf, relo->access_str_off);
	struct touch new = {.kind = touch_kind_of(relo->kind), .root_id = relo->type_id};
	struct touch *touch;
	bool good = path && btf__type_by_id(object->btf, relo->type_id);

	if (good && new.kind == TOUCH_FIELD)
		good = follow(object->btf, path, &new);
	else if (good && new.kind == TOUCH_ENUM)
		good = follow_enumerator(object->btf, path, &new);
	if (!good)
		errx(2, "the object has a relocation that this tool cannot read: type %u, '%s'",
		     relo->type_id, path ? path : "");
	name_touch(object->btf, &new);
	touch = find_touch(object, &new);
	if (touch) {
		free(new.name);
		return touch;
	}
	touch = zalloc(1, sizeof(*touch));
	*touch = new;
	object->touches = list_grow(object->touches, object->touch_count, sizeof(touch));
	object->touches[object->touch_count++] = touch;
	return touch;
}

static void add_relo(struct object *object, __u32 section, const void *record)
{
	const struct bpf_core_relo *core = record;
	struct program *program = find_program(object, section, core->insn_off);
	struct relo *relo;

	if (core->kind == BPF_CORE_TYPE_ID_LOCAL) /* not of the kernel's */
		return;
	if (!program)
		errx(2, "the object has a relocation outside of every program");
	if (core->kind > BPF_CORE_TYPE_MATCHES)
		errx(2, "the object has a relocation of a kind that this tool does not know: %u",
		     core->kind);
	relo = zalloc(1, sizeof(*relo));
	relo->touch = make_touch(object, core);
	relo->program = program;
	relo->insn = (core->insn_off - program->offset) / sizeof(struct bpf_insn);
	relo->kind = core->kind;
	relo->touch->relo_kinds |= 1U << core->kind;
	if (relo->insn < program->insn_count)
		program->relo_at[relo->insn] = relo;
	object->relos = list_grow(object->relos, object->relo_count, sizeof(relo));
	object->relos[object->relo_count++] = relo;
}

static int compare_touches(const void *a, const void *b)
{
	const struct touch *left = *(struct touch *const *)a;
	const struct touch *right = *(struct touch *const *)b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int compare_programs(const void *a, const void *b)
{
	const struct program *left = a;
	const struct program *right = b;
	int order = strcmp(left->section, right->section);

	return order ? order : strcmp(left->name, right->name);
}

static void read_ext(struct object *object, const char *path)
{
	__u32 size;
	const char *bytes = btf_ext__get_raw_data(object->ext, &size);
	const struct ext_header *header = (const void *)bytes;

	if (!bytes || size < sizeof(*header) || header->hdr_len < sizeof(*header))
		errx(2, "%s: its .BTF.ext has no CO-RE relocations", path);
	bytes += header->hdr_len;
	for_each_record(object, bytes + header->func_info_off, header->func_info_len, add_program);
	if (object->program_count)
		qsort(object->programs, object->program_count, sizeof(*object->programs),
		      compare_programs);
	for_each_record(object, bytes + header->core_relo_off, header->core_relo_len, add_relo);
	if (!object->relo_count)
		errx(2, "%s: no CO-RE relocations: does it touch the kernel at all?", path);
}

void object_open(struct object *object, const char *path)
{
	*object = (struct object){0};
	object->btf = btf__parse_elf(path, &object->ext);
	if (!object->btf || !object->ext)
		errx(2, "%s: no BPF object with BTF: %s", path, strerror(errno));
	object->bpf = bpf_object__open_file(path, NULL);
	if (!object->bpf)
		err(2, "%s", path);
	read_ext(object, path);
	qsort(object->touches, object->touch_count, sizeof(*object->touches), compare_touches);
	for (size_t i = 0; i < object->touch_count; i++)
		object->touches[i]->index = i;
}

void object_close(struct object *object)
{
	for (size_t i = 0; i < object->touch_count; i++) {
		free(object->touches[i]->name);
		free(object->touches[i]);
	}
	for (size_t i = 0; i < object->relo_count; i++)
		free(object->relos[i]);
	for (size_t i = 0; i < object->program_count; i++)
		free(object->programs[i].relo_at);
	free(object->touches);
	free(object->relos);
	free(object->programs);
	btf_ext__free(object->ext);
	btf__free(object->btf);
	bpf_object__close(object->bpf);
}

bool relo_reads(enum bpf_core_relo_kind kind)
{
	return kind != BPF_CORE_FIELD_EXISTS && kind != BPF_CORE_TYPE_EXISTS &&
	       kind != BPF_CORE_TYPE_MATCHES && kind != BPF_CORE_ENUMVAL_EXISTS;
}

bool relo_is_access(const struct relo *relo)
{
	const struct program *program = relo->program;

	if (relo->kind != BPF_CORE_FIELD_BYTE_OFFSET || relo->insn >= program->insn_count)
		return false;
	switch (BPF_CLASS(program->insns[relo->insn].code)) {
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return true;
	default:
		return false;
	}
}

void container_enter(const struct btf *btf, char *container, size_t size, __u32 member_type,
		     const char *member)
{
	char spelled[SPELL_MAX];
	size_t length = strlen(container);

	btf_type_spell(btf, member_type, spelled);
	if (!strchr(spelled, '{'))
		snprintf(container, size, "%s", spelled);
	else if (*member)
		snprintf(container + length, size - length, ".%s", member);
}
