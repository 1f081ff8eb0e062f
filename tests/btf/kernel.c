// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "btf_type.h"
#include "memory.h"

#define DEPTH_MAX 32
/* Members looked at for one name. No struct has so many; a broken BTF can nest without end. */
#define MEMBERS_MAX 100000

struct search {
	const struct btf *btf;
	const char *name;
	struct place place;
	int budget;
};

static bool kinds_match(const struct btf_type *a, const struct btf_type *b)
{
	return btf_kind(a) == btf_kind(b) || (btf_is_any_enum(a) && btf_is_any_enum(b));
}

/* bpf_core_fields_are_compat() of libbpf */
static bool is_compatible(const struct btf *local_btf, __u32 local_id, const struct btf *btf,
			  __u32 id)
{
	for (int i = 0; i < DEPTH_MAX; i++) {
		const struct btf_type *local = btf_type_skip(local_btf, local_id, NULL);
		const struct btf_type *type = btf_type_skip(btf, id, NULL);
		const char *local_name = btf_type_name(local_btf, local);
		const char *name = btf_type_name(btf, type);

		if (!local || !type)
			return local == type;
		if (btf_is_composite(local) && btf_is_composite(type))
			return true;
		if (!kinds_match(local, type))
			return false;
		if (btf_is_any_enum(local) || btf_is_fwd(local))
			return !*local_name || !*name || btf_names_match(local_name, name);
		if (btf_is_int(local))
			return !btf_int_offset(local) && !btf_int_offset(type);
		if (!btf_is_array(local))
			return true;
		local_id = btf_array(local)->type;
		id = btf_array(type)->type;
	}
	return false;
}

/* A member of that name, also within members without one. */
static bool find_member(struct search *search, const struct btf_type *type, int depth)
{
	const struct btf_member *member = btf_members(type);
	struct place start = search->place;

	for (__u32 i = 0; i < btf_vlen(type) && search->budget-- > 0; i++, member++) {
		const char *name = btf_member_name(search->btf, member);
		const struct btf_type *inner;

		search->place.type_id = member->type;
		search->place.bit_offset = start.bit_offset + btf_member_bit_offset(type, i);
		search->place.bit_size = btf_member_bitfield_size(type, i);
		if (!strcmp(name, search->name))
			return true;
		inner = *name ? NULL : btf_type_skip(search->btf, member->type, NULL);
		if (inner && btf_is_composite(inner) && depth < DEPTH_MAX &&
		    find_member(search, inner, depth + 1))
			return true;
	}
	search->place = start;
	return false;
}

/* An array at the end of a struct can be longer than it says. */
static bool has_element(const struct btf_type *array, __u32 index)
{
	return !btf_array(array)->nelems || index < btf_array(array)->nelems;
}

static enum found take_step(struct search *search, const struct object *object,
			    const struct step *step)
{
	const struct btf_type *type = btf_type_skip(search->btf, search->place.type_id, NULL);
	__s64 size;

	if (step->name) {
		search->name = step->name;
		if (!type || !btf_is_composite(type) || !find_member(search, type, 0))
			return FOUND_NO_FIELD;
		if (is_compatible(object->btf, step->type_id, search->btf, search->place.type_id))
			return FOUND;
		return FOUND_OTHER_KIND;
	}
	if (!type || !btf_is_array(type))
		return FOUND_OTHER_KIND;
	if (!has_element(type, step->index))
		return FOUND_SHORT_ARRAY;
	size = btf__resolve_size(search->btf, btf_array(type)->type);
	search->place.type_id = btf_array(type)->type;
	search->place.bit_offset += (__u32)(size < 0 ? 0 : size) * 8 * step->index;
	search->place.bit_size = 0;
	return FOUND;
}

static struct answer find_field(const struct kernel *kernel, const struct object *object,
				const struct touch *touch, __u32 root_id)
{
	struct search search = {
		.btf = kernel->btf, .place.type_id = root_id, .budget = MEMBERS_MAX};
	struct answer answer = {.found = FOUND};

	for (size_t i = 0; i < touch->step_count && answer.found == FOUND; i++)
		answer.found = take_step(&search, object, &touch->steps[i]);
	answer.place = search.place;
	return answer;
}

static struct answer find_enumerator(const struct kernel *kernel, const struct touch *touch,
				     __u32 root_id)
{
	const struct btf_type *type = btf_type_skip(kernel->btf, root_id, NULL);
	struct answer answer = {.found = FOUND_NO_FIELD};

	for (__u32 i = 0; type && btf_is_any_enum(type) && i < btf_vlen(type); i++) {
		const char *name = btf_enumerator_name(kernel->btf, type, i);

		if (!btf_names_match(name, touch->enumerator))
			continue;
		answer.found = FOUND;
		answer.value = btf_enumerator_value(type, i);
		break;
	}
	return answer;
}

/* A typedef of a pointer to a function: libbpf takes those alone that have as many parameters. */
static const struct btf_type *function_of(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf_type_skip(btf, id, NULL);

	type = type && btf_is_ptr(type) ? btf_type_skip(btf, type->type, NULL) : NULL;
	return type && btf_is_func_proto(type) ? type : NULL;
}

static bool same_parameters(const struct kernel *kernel, const struct object *object,
			    const struct touch *touch, __u32 root_id)
{
	const struct btf_type *local = function_of(object->btf, touch->root_id);
	const struct btf_type *type = function_of(kernel->btf, root_id);

	return !local || (type && btf_vlen(type) == btf_vlen(local));
}

static struct answer find_in(const struct kernel *kernel, const struct object *object,
			     const struct touch *touch, __u32 root_id)
{
	struct answer answer = {.found = FOUND, .place.type_id = root_id};

	switch (touch->kind) {
	case TOUCH_FIELD:
		return find_field(kernel, object, touch, root_id);
	case TOUCH_ENUM:
		return find_enumerator(kernel, touch, root_id);
	case TOUCH_TYPE:
		answer.value = btf__resolve_size(kernel->btf, root_id);
		if (!same_parameters(kernel, object, touch, root_id))
			answer.found = FOUND_OTHER_KIND;
		break;
	}
	return answer;
}

static void collect_types(struct kernel *kernel, const struct btf_type *wanted, const char *name)
{
	__u32 count = btf__type_cnt(kernel->btf);

	if (kernel->name == name && kernel->kind == btf_kind(wanted))
		return;
	kernel->id_count = 0;
	kernel->name = name;
	kernel->kind = btf_kind(wanted);
	for (__u32 id = 1; id < count; id++) {
		const struct btf_type *type = btf__type_by_id(kernel->btf, id);

		if (!kinds_match(type, wanted) ||
		    !btf_names_match(btf_type_name(kernel->btf, type), name))
			continue;
		kernel->ids = list_grow(kernel->ids, kernel->id_count, sizeof(*kernel->ids));
		kernel->ids[kernel->id_count++] = id;
	}
}

static bool same_place(const struct answer *a, const struct answer *b)
{
	return a->place.bit_offset == b->place.bit_offset && a->value == b->value;
}

struct answer kernel_find(struct kernel *kernel, const struct object *object,
			  const struct touch *touch)
{
	const struct btf_type *root = btf__type_by_id(object->btf, touch->root_id);
	struct answer answer = {.found = FOUND_NO_TYPE};

	collect_types(kernel, root, btf_type_name(object->btf, root));
	for (size_t i = 0; i < kernel->id_count; i++) {
		struct answer other = find_in(kernel, object, touch, kernel->ids[i]);

		if (answer.found == FOUND && other.found == FOUND && !same_place(&answer, &other))
			answer.found = FOUND_AMBIGUOUS;
		else if (other.found == FOUND || answer.found == FOUND_NO_TYPE)
			answer = other;
		if (answer.found == FOUND_AMBIGUOUS)
			break;
	}
	return answer;
}

/* The kernel's release: of the running one, or from the file's name. */
static char *make_label(const char *path)
{
	static const char *const prefixes[] = {"vmlinuz-", "vmlinux-", "btf-"};
	const char *base = strrchr(path, '/');
	struct utsname name;

	if (!strncmp(path, "/sys/kernel/btf/", 16) && !uname(&name))
		return must(strdup(name.release));
	base = base ? base + 1 : path;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!strncmp(base, prefixes[i], strlen(prefixes[i])))
			return must(strdup(base + strlen(prefixes[i])));
	return must(strdup(base));
}

void kernel_open(struct kernel *kernel, const char *path)
{
	*kernel = (struct kernel){.path = path};
	kernel->btf = btf__parse(path, NULL);
	if (!kernel->btf)
		errx(2, "%s: neither a whole BTF nor an ELF file with one: %s", path,
		     strerror(errno));
	kernel->label = make_label(path);
}

void kernel_close(struct kernel *kernel)
{
	btf__free(kernel->btf);
	free(kernel->ids);
	free(kernel->label);
}
