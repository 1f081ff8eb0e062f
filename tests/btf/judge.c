// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "btf_type.h"
#include "flow.h"
#include "memory.h"

/* How a field is used by what can run. */
struct use {
	bool read;
	bool accessed;	/* by instructions whose width libbpf can adjust */
	bool addressed; /* by its address: a helper or the program itself knows its size */
	bool shifted;	/* as a bitfield */
	char programs[256];
};

/* Both sides of a comparison, behind their typedefs. */
struct pair {
	const struct btf *local_btf;
	const struct btf *btf;
	const struct btf_type *local;
	const struct btf_type *type;
	__u32 local_id;
	__u32 id;
};

static void __attribute__((format(printf, 3, 4)))
complain(struct verdict *verdict, enum level level, const char *format, ...)
{
	size_t length = strlen(verdict->why);
	va_list args;

	if (length && verdict->why[length - 1] != ' ')
		length += snprintf(verdict->why + length, WHY_MAX - length, "; ");
	va_start(args, format);
	vsnprintf(verdict->why + length, WHY_MAX - length, format, args);
	va_end(args);
	if (level > verdict->level)
		verdict->level = level;
}

void judge_init(struct judge *judge, const struct object *object, struct kernel *kernel)
{
	enum existence *existence = zalloc(object->touch_count, sizeof(*existence));

	*judge = (struct judge){.object = object, .kernel = kernel};
	judge->answers = zalloc(object->touch_count, sizeof(*judge->answers));
	judge->live = zalloc(object->program_count, sizeof(*judge->live));
	for (size_t i = 0; i < object->touch_count; i++) {
		judge->answers[i] = kernel_find(kernel, object, object->touches[i]);
		existence[i] = judge->answers[i].found == FOUND ? EXISTENCE_YES : EXISTENCE_NO;
	}
	for (size_t i = 0; i < object->program_count; i++) {
		judge->live[i] = zalloc(object->programs[i].insn_count + 1, sizeof(bool));
		flow_run(&object->programs[i], existence, judge->live[i], NULL);
	}
	free(existence);
}

void judge_free(struct judge *judge)
{
	for (size_t i = 0; i < judge->object->program_count; i++)
		free(judge->live[i]);
	free(judge->live);
	free(judge->answers);
}

/* Of a program whose instructions are not known, everything may run. */
static bool can_run(const struct judge *judge, const struct relo *relo)
{
	size_t program = relo->program - judge->object->programs;

	return relo->insn >= relo->program->insn_count || judge->live[program][relo->insn];
}

static void add_program_name(struct use *use, const char *name)
{
	size_t length = strlen(use->programs);
	const char *known = strstr(use->programs, name);

	if (!known)
		snprintf(use->programs + length, sizeof(use->programs) - length, "%s%s",
			 length ? ", " : "", name);
}

/* bpf_core_field_exists() of the very same field makes it optional, wherever the check is. */
static struct use use_of(const struct judge *judge, const struct touch *touch)
{
	struct use use = {0};

	for (size_t i = 0; i < judge->object->relo_count; i++) {
		const struct relo *relo = judge->object->relos[i];

		if (relo->touch != touch || !relo_reads(relo->kind) || !can_run(judge, relo))
			continue;
		use.read = true;
		if (relo->kind == BPF_CORE_FIELD_BYTE_OFFSET && relo_is_access(relo))
			use.accessed = true;
		else if (relo->kind == BPF_CORE_FIELD_BYTE_OFFSET)
			use.addressed = true;
		else if (relo->kind == BPF_CORE_FIELD_LSHIFT_U64)
			use.shifted = true;
		add_program_name(&use, relo->program->name);
	}
	return use;
}

static bool is_optional(const struct touch *touch)
{
	for (int kind = 0; kind <= BPF_CORE_TYPE_MATCHES; kind++)
		if (touch->relo_kinds & 1U << kind && !relo_reads(kind))
			return true;
	return false;
}

static struct pair pair_of(const struct judge *judge, __u32 local_id, __u32 id)
{
	struct pair pair = {.local_btf = judge->object->btf, .btf = judge->kernel->btf};

	pair.local = btf_type_skip(pair.local_btf, local_id, &pair.local_id);
	pair.type = btf_type_skip(pair.btf, id, &pair.id);
	return pair;
}

static __s64 local_size(const struct pair *pair)
{
	return btf__resolve_size(pair->local_btf, pair->local_id);
}

static __s64 size_of(const struct pair *pair)
{
	return btf__resolve_size(pair->btf, pair->id);
}

static bool is_unsigned(const struct btf_type *type)
{
	return btf_is_int(type) && !btf_int_is_signed(type);
}

/* libbpf makes a load narrower or wider where the new bits are zeros; it cannot change what a
 * program copies by its address. */
static void judge_number(const struct pair *pair, const struct use *use, struct verdict *verdict)
{
	long long local = (long long)local_size(pair), size = (long long)size_of(pair);

	if (use->shifted)
		return;
	if (size == local) {
		if (btf_is_int(pair->local) && size > 1 &&
		    is_unsigned(pair->local) != is_unsigned(pair->type))
			complain(verdict, LEVEL_WARNING, "read with the other sign");
	} else if (use->addressed || !is_unsigned(pair->local) || !is_unsigned(pair->type)) {
		complain(verdict, LEVEL_ERROR, "has %lld bytes, read as %lld", size, local);
	} else if (use->accessed) {
		complain(verdict, LEVEL_WARNING, "has %lld bytes, read as %lld: libbpf adjusts it",
			 size, local);
	}
}

static void judge_pointer(const struct judge *judge, const struct pair *pair,
			  struct verdict *verdict)
{
	struct pair to = pair_of(judge, pair->local->type, pair->type->type);
	const char *local_name = btf_type_name(to.local_btf, to.local);
	char spelled[SPELL_MAX];
	char local_spelled[SPELL_MAX];

	if (!to.local || !*btf_kind_word(to.local) || !*local_name)
		return;
	if (to.type && btf_names_match(btf_type_name(to.btf, to.type), local_name))
		return;
	complain(verdict, LEVEL_ERROR, "is %s, read as %s",
		 btf_type_spell(pair->btf, pair->id, spelled),
		 btf_type_spell(pair->local_btf, pair->local_id, local_spelled));
}

/* A variable index is multiplied by the size that the object knows: nothing relocates that. */
static void judge_array(const struct judge *judge, const struct pair *pair, const struct use *use,
			struct verdict *verdict)
{
	struct pair element =
		pair_of(judge, btf_array(pair->local)->type, btf_array(pair->type)->type);
	long long local = (long long)local_size(pair), size = (long long)size_of(pair);
	long long local_step = (long long)local_size(&element), step = (long long)size_of(&element);

	if (local_step != step)
		complain(verdict, LEVEL_ERROR, "has elements of %lld bytes, read as %lld", step,
			 local_step);
	else if (use->accessed && size != local)
		complain(verdict, LEVEL_ERROR, "has %lld bytes, loaded as %lld", size, local);
	else if (size < local && btf_array(pair->type)->nelems)
		complain(verdict, LEVEL_ERROR, "has only %lld bytes, read as %lld", size, local);
}

static void judge_field(const struct judge *judge, const struct touch *touch, const struct use *use,
			struct verdict *verdict)
{
	const struct place *place = &judge->answers[touch->index].place;
	struct pair pair = pair_of(judge, touch->place.type_id, place->type_id);

	if (place->bit_size && !use->shifted) {
		complain(verdict, LEVEL_ERROR, "is a bitfield, read as a whole");
		return;
	}
	if (!pair.local || !pair.type)
		return;
	if (btf_is_ptr(pair.local))
		judge_pointer(judge, &pair, verdict);
	else if (btf_is_array(pair.local))
		judge_array(judge, &pair, use, verdict);
	else if (btf_is_int(pair.local) || btf_is_any_enum(pair.local))
		judge_number(&pair, use, verdict);
}

/* The offset, and what differs from how it is read. */
static void show_field(const struct judge *judge, const struct touch *touch,
		       struct verdict *verdict)
{
	const struct place *place = &judge->answers[touch->index].place;
	char here[SPELL_MAX];
	char local[SPELL_MAX];
	char offset[16];
	int length;

	btf_type_spell(judge->kernel->btf, place->type_id, here);
	btf_type_spell(judge->object->btf, touch->place.type_id, local);
	length = snprintf(offset, sizeof(offset), "%u", place->bit_offset / 8);
	if (place->bit_size)
		snprintf(offset + length, sizeof(offset) - length, ".%u", place->bit_offset % 8);
	length = snprintf(verdict->cell, CELL_MAX, "%6s", offset);
	/* Only a part of each struct is declared, so the same name is the same type. */
	if (strcmp(here, local) || place->bit_size != touch->place.bit_size)
		length += snprintf(verdict->cell + length, CELL_MAX - length, " %.40s", here);
	if (place->bit_size != touch->place.bit_size && length < CELL_MAX)
		snprintf(verdict->cell + length, CELL_MAX - length, ":%u", place->bit_size);
}

static void judge_absent(const struct judge *judge, const struct touch *touch,
			 const struct use *use, struct verdict *verdict)
{
	const struct answer *answer = &judge->answers[touch->index];
	char spelled[SPELL_MAX];

	snprintf(verdict->cell, CELL_MAX, "absent");
	switch (answer->found) {
	case FOUND_OTHER_KIND:
		btf_type_spell(judge->kernel->btf, answer->place.type_id, spelled);
		snprintf(verdict->cell, CELL_MAX, "is %.40s", spelled);
		complain(verdict, LEVEL_FINE, "is on the way another kind of type: %s", spelled);
		break;
	case FOUND_SHORT_ARRAY:
		complain(verdict, LEVEL_FINE, "is absent: the array is shorter");
		break;
	case FOUND_AMBIGUOUS:
		complain(verdict, LEVEL_FINE, "is not the same in all types of that name");
		break;
	case FOUND_NO_TYPE:
		complain(verdict, LEVEL_FINE, "is absent, and so is its type");
		break;
	default:
		complain(verdict, LEVEL_FINE, "is absent");
	}
	if (use->read && !is_optional(touch))
		verdict->level = LEVEL_ERROR;
}

void judge_touch(const struct judge *judge, const struct touch *touch, struct verdict *verdict)
{
	const struct answer *answer = &judge->answers[touch->index];
	struct use use = use_of(judge, touch);
	size_t length;

	*verdict = (struct verdict){0};
	snprintf(verdict->why, WHY_MAX, "%s ", touch->name);
	if (answer->found != FOUND) {
		judge_absent(judge, touch, &use, verdict);
	} else if (touch->kind == TOUCH_FIELD) {
		show_field(judge, touch, verdict);
		if (use.read)
			judge_field(judge, touch, &use, verdict);
	} else {
		snprintf(verdict->cell, CELL_MAX, "%6lld", (long long)answer->value);
	}
	length = strlen(verdict->why);
	if (verdict->level)
		snprintf(verdict->why + length, WHY_MAX - length, " (in %s)", use.programs);
	length = strlen(verdict->cell);
	if (verdict->level)
		snprintf(verdict->cell + length, CELL_MAX - length,
			 verdict->level == LEVEL_ERROR ? " !" : " ?");
}

void judge_describe(const struct object *object, const struct touch *touch, char how[CELL_MAX])
{
	char spelled[SPELL_MAX];
	const char *optional = is_optional(touch) ? ", optional" : "";
	char bits[16] = "";

	if (touch->place.bit_size)
		snprintf(bits, sizeof(bits), ":%u", touch->place.bit_size);
	if (touch->kind == TOUCH_FIELD)
		snprintf(how, CELL_MAX, "%.40s%s%s",
			 btf_type_spell(object->btf, touch->place.type_id, spelled), bits,
			 optional);
	else
		snprintf(how, CELL_MAX, "%s%s", touch->kind == TOUCH_ENUM ? "value" : "size",
			 optional);
}
