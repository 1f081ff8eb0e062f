// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "header.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "btf_type.h"
#include "memory.h"

#define CONTAINER_MAX 512
#define DEPTH_MAX     16

struct names {
	char **list;
	size_t count;
};

void header_open(struct header *header, const char *path)
{
	header->btf = btf__parse_elf(path, NULL);
	if (!header->btf)
		errx(2, "%s: %s", path, strerror(errno));
	header->core = zalloc(btf__type_cnt(header->btf), sizeof(*header->core));
	for (__u32 id = 1; id < btf__type_cnt(header->btf); id++) {
		const struct btf_type *type = btf__type_by_id(header->btf, id);

		if (btf_is_decl_tag(type) && type->type < btf__type_cnt(header->btf))
			header->core[type->type] = true;
	}
}

void header_close(struct header *header)
{
	btf__free(header->btf);
	free(header->core);
}

/* "struct sock.sk_err", "enum sock_flags SOCK_DEAD" */
static char between(const char *container)
{
	return strncmp(container, "enum ", strlen("enum ")) ? '.' : ' ';
}

static void add_name(struct names *names, const char *container, const char *member)
{
	names->list = list_grow(names->list, names->count, sizeof(*names->list));
	if (asprintf(&names->list[names->count++], "%s%c%s", container, between(container),
		     member) < 0)
		must(NULL);
}

static bool has_name(const struct names *names, const char *container, const char *member)
{
	size_t length = strlen(container);

	for (size_t i = 0; i < names->count; i++)
		if (!strncmp(names->list[i], container, length) &&
		    names->list[i][length] == between(container) &&
		    !strcmp(names->list[i] + length + 1, member))
			return true;
	return false;
}

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
}

/* Every field on the way to one that is touched is touched. */
static struct names touched_members(const struct object *object)
{
	struct names names = {0};
	char container[CONTAINER_MAX];

	for (size_t i = 0; i < object->touch_count; i++) {
		const struct touch *touch = object->touches[i];

		btf_type_spell(object->btf, touch->root_id, container);
		if (touch->kind == TOUCH_ENUM)
			add_name(&names, container, touch->enumerator);
		for (size_t s = 0; s < touch->step_count; s++) {
			const struct step *step = &touch->steps[s];

			if (step->name)
				add_name(&names, container, step->name);
			container_enter(object->btf, container, sizeof(container), step->type_id,
					step->name ? step->name : "");
		}
	}
	return names;
}

/* Fields of a type with a name of its own are listed under that. */
static bool is_within(const char *container, const char *outer)
{
	size_t length = strlen(outer);

	return !strncmp(container, outer, length) &&
	       (!container[length] || container[length] == '.');
}

static void list_untouched(const struct header *header, const struct btf_type *type,
			   const char *container, const struct names *touched,
			   struct names *untouched, int depth)
{
	const struct btf_member *member = btf_members(type);

	for (__u32 i = 0; i < btf_vlen(type); i++, member++) {
		const char *name = btf_member_name(header->btf, member);
		const struct btf_type *inner = btf_type_skip(header->btf, member->type, NULL);
		char deeper[CONTAINER_MAX];

		if (*name && !has_name(touched, container, name)) {
			add_name(untouched, container, name);
			continue;
		}
		snprintf(deeper, sizeof(deeper), "%s", container);
		container_enter(header->btf, deeper, sizeof(deeper), member->type, name);
		if (inner && btf_is_composite(inner) && depth < DEPTH_MAX &&
		    is_within(deeper, container))
			list_untouched(header, inner, deeper, touched, untouched, depth + 1);
	}
}

static bool any_enumerator(const struct header *header, const struct btf_type *type,
			   const char *container, const struct names *touched)
{
	for (__u32 i = 0; i < btf_vlen(type); i++)
		if (has_name(touched, container, btf_enumerator_name(header->btf, type, i)))
			return true;
	return false;
}

static void list_untouched_type(const struct header *header, __u32 id, const struct names *touched,
				struct names *untouched)
{
	const struct btf_type *type = btf__type_by_id(header->btf, id);
	char container[SPELL_MAX];
	__u32 behind;

	btf_type_spell(header->btf, id, container);
	if (btf_is_any_enum(type) && any_enumerator(header, type, container, touched)) {
		for (__u32 i = 0; i < btf_vlen(type); i++) {
			const char *name = btf_enumerator_name(header->btf, type, i);

			if (!has_name(touched, container, name))
				add_name(untouched, container, name);
		}
	}
	type = btf_type_skip(header->btf, id, &behind);
	if (!type || !btf_is_composite(type) || !header->core[behind] || strchr(container, '{') ||
	    !strncmp(container, "struct bpf_iter_", 16)) /* what the kernel hands to programs */
		return;
	list_untouched(header, type, container, touched, untouched, 0);
}

void header_print_untouched(const struct header *header, const struct object *object)
{
	struct names touched = touched_members(object);
	struct names untouched = {0};

	for (__u32 id = 1; id < btf__type_cnt(header->btf); id++) {
		const struct btf_type *type = btf__type_by_id(header->btf, id);

		/* A typedef of a struct without a name is its name; any other is none. */
		if (btf_is_composite(type) || btf_is_any_enum(type) ||
		    (btf_is_typedef(type) &&
		     !*btf_type_name(header->btf, btf__type_by_id(header->btf, type->type))))
			list_untouched_type(header, id, &touched, &untouched);
	}
	if (untouched.count)
		puts("\ndeclared in vmlinux.h but not touched:");
	for (size_t i = 0; i < untouched.count; i++)
		printf("    %s\n", untouched.list[i]);
	free_names(&touched);
	free_names(&untouched);
}

/* Numbers of an enumerator's name in any enum of the kernel's: whether one is the wanted. */
static bool has_number(const struct btf *btf, const char *name, __s64 value, bool *absent)
{
	*absent = true;
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!btf_is_any_enum(type))
			continue;
		for (__u32 i = 0; i < btf_vlen(type); i++) {
			if (strcmp(btf_enumerator_name(btf, type, i), name))
				continue;
			*absent = false;
			if (btf_enumerator_value(type, i) == value)
				return true;
		}
	}
	return false;
}

static void judge_numbers(const struct header *header, const struct btf_type *type,
			  const struct btf *btf, struct verdict *verdict)
{
	*verdict = (struct verdict){0};
	snprintf(verdict->cell, CELL_MAX, "  same");
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const char *name = btf_enumerator_name(header->btf, type, i);
		long long value = btf_enumerator_value(type, i);
		size_t length = strlen(verdict->why);
		bool absent;

		if (has_number(btf, name, value, &absent))
			continue;
		verdict->level = LEVEL_ERROR;
		snprintf(verdict->cell, CELL_MAX, "differs !");
		snprintf(verdict->why + length, WHY_MAX - length, "%s%s, compiled in as %lld, %s",
			 length ? "; " : "", name, value,
			 absent ? "is absent" : "has another value");
	}
}

static const struct btf_member *find_plain(const struct btf *btf, const struct btf_type *type,
					   const char *name, __u32 *bit_offset)
{
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = btf_members(type) + i;

		*bit_offset = btf_member_bit_offset(type, i);
		if (!strcmp(btf_member_name(btf, member), name))
			return member;
	}
	return NULL;
}

/* Registers are of one processor; only arm64's kernel has a user_pt_regs. */
static bool is_of_other_processor(const struct btf *btf, const char *name)
{
	bool arm64 = btf__find_by_name_kind(btf, "user_pt_regs", BTF_KIND_STRUCT) > 0;

	return !strcmp(name, "pt_regs") ? arm64 : !strcmp(name, "user_pt_regs") && !arm64;
}

static void judge_layout(const struct header *header, const struct btf_type *type,
			 const struct btf *btf, struct verdict *verdict)
{
	const char *name = btf_type_name(header->btf, type);
	__s32 id = btf__find_by_name_kind(btf, name, btf_kind(type));
	const struct btf_type *there = id > 0 ? btf__type_by_id(btf, id) : NULL;

	*verdict = (struct verdict){0};
	if (is_of_other_processor(btf, name)) {
		snprintf(verdict->cell, CELL_MAX, "absent");
		return;
	}
	snprintf(verdict->cell, CELL_MAX, "  same");
	for (__u32 i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = btf_members(type) + i;
		const char *wanted = btf_member_name(header->btf, member);
		__u32 offset = 0;
		const struct btf_member *found =
			there ? find_plain(btf, there, wanted, &offset) : NULL;

		if (found && offset == btf_member_bit_offset(type, i) &&
		    btf__resolve_size(btf, found->type) ==
			    btf__resolve_size(header->btf, member->type))
			continue;
		verdict->level = LEVEL_ERROR;
		snprintf(verdict->cell, CELL_MAX, "differs !");
		snprintf(verdict->why, WHY_MAX, "%s%s.%s is not where it is compiled in",
			 btf_kind_word(type), name, wanted);
	}
}

static bool is_anonymous(const char *name)
{
	return !*name || !strncmp(name, "constants", strlen("constants"));
}

static void describe_compiled(const struct header *header, const struct btf_type *type, char *what,
			      char *how)
{
	const char *name = btf_type_name(header->btf, type);

	if (!btf_is_any_enum(type)) {
		snprintf(what, CELL_MAX, "%s%.40s", btf_kind_word(type), name);
		snprintf(how, CELL_MAX, "%lld bytes", (long long)type->size);
		return;
	}
	if (is_anonymous(name))
		snprintf(what, CELL_MAX, "%.40s%s", btf_enumerator_name(header->btf, type, 0),
			 btf_vlen(type) > 1 ? ", ..." : "");
	else
		snprintf(what, CELL_MAX, "enum %.40s", name);
	snprintf(how, CELL_MAX, "%u number%s", btf_vlen(type), btf_vlen(type) > 1 ? "s" : "");
}

void header_report(const struct header *header, const struct object *object, struct kernel *kernels,
		   struct report *report)
{
	struct names touched = touched_members(object);
	char container[SPELL_MAX];
	char what[CELL_MAX];
	char how[CELL_MAX];

	report_heading(report, "COMPILED IN", "AS");
	for (__u32 id = 1; id < btf__type_cnt(header->btf); id++) {
		const struct btf_type *type = btf__type_by_id(header->btf, id);
		bool is_enum = btf_is_any_enum(type);

		btf_type_spell(header->btf, id, container);
		if (is_enum ? any_enumerator(header, type, container, &touched)
			    : !btf_is_composite(type) || header->core[id])
			continue;
		describe_compiled(header, type, what, how);
		report_row(report, what, how);
		for (size_t k = 0; k < report->kernel_count; k++) {
			struct verdict verdict;

			if (is_enum)
				judge_numbers(header, type, kernels[k].btf, &verdict);
			else
				judge_layout(header, type, kernels[k].btf, &verdict);
			report_judge(report, k, &verdict);
		}
	}
	free_names(&touched);
}
