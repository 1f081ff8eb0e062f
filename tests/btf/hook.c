// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "hook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "btf_type.h"
#include "memory.h"

#define TARGET_MAX 256

/* What libbpf looks up for a section name. */
struct hook_kind {
	const char *section;
	const char *prefix;
	const char *or_prefix; /* or so; NULL = no other */
	int btf_kind;	       /* 0: it is a place of no kernel's */
	int hidden;	       /* parameters that the program does not get: void *__data */
	bool returns;	       /* the return value comes after the arguments */
	bool has_argument;     /* the context is an array of them */
	const char *context;   /* else a struct; NULL = bpf_iter__ and the name */
};

static const struct hook_kind kinds[] = {
	{"tp_btf/", "btf_trace_", NULL, BTF_KIND_TYPEDEF, 1, false, true, NULL},
	{"fentry/", "", NULL, BTF_KIND_FUNC, 0, false, true, NULL},
	{"fexit/", "", NULL, BTF_KIND_FUNC, 0, true, true, NULL},
	{"iter/", "bpf_iter_", NULL, BTF_KIND_FUNC, 0, false, false, NULL},
	/* Anywhere in a user program. */
	{"uprobe", "", NULL, 0, 0, false, false, "pt_regs"},
	{"perf_event", "", NULL, 0, 0, false, false, "pt_regs"},
	/* The tracepoint itself has no type; the system call has a function of each architecture.
	 */
	{"tp/syscalls/sys_exit_", "__x64_sys_", "__arm64_sys_", BTF_KIND_FUNC, 0, false, false,
	 "syscall_trace_exit"},
};

/* The section without the mark of a program that is not loaded unless asked for. */
static const char *section_of(const struct hook *hook)
{
	const char *section = hook->program->section;

	return *section == '?' ? section + 1 : section;
}

static const struct hook_kind *kind_of(const struct hook *hook)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strncmp(section_of(hook), kinds[i].section, strlen(kinds[i].section)))
			return &kinds[i];
	return NULL;
}

static void target_of(const struct hook *hook, const struct hook_kind *kind, const char *prefix,
		      char *target)
{
	snprintf(target, TARGET_MAX, "%s%s", prefix, section_of(hook) + strlen(kind->section));
}

void hook_init(struct hook *hook, const struct object *object, const struct program *program)
{
	enum existence *unknown = zalloc(object->touch_count, sizeof(*unknown));
	const struct hook_kind *kind;

	*hook = (struct hook){.program = program, .result = -1};
	kind = kind_of(hook);
	if (kind && kind->has_argument)
		flow_run(program, unknown, NULL, hook->arguments);
	for (int i = 0; i < ARGUMENTS_MAX; i++)
		if (hook->arguments[i].used)
			hook->argument_count = i + 1;
	free(unknown);
}

static void append(char *text, size_t size, const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%s", more);
}

static void append_argument(const struct argument *argument, const struct object *object, char *how,
			    size_t size)
{
	char spelled[SPELL_MAX];

	if (argument->type_id) {
		append(how, size, btf_type_spell(object->btf, argument->type_id, spelled));
		append(how, size, " *");
	} else {
		append(how, size, argument->used ? "any" : "-");
	}
}

void hook_describe(const struct hook *hook, const struct object *object, char *how, size_t size)
{
	const struct hook_kind *kind = kind_of(hook);
	int count = hook->result < 0 ? hook->argument_count : hook->result;

	how[0] = '\0';
	if (!kind || !kind->has_argument)
		return;
	append(how, size, "(");
	for (int i = 0; i < count; i++) {
		append(how, size, i ? ", " : "");
		append_argument(&hook->arguments[i], object, how, size);
	}
	append(how, size, ")");
	if (hook->result < 0)
		return;
	append(how, size, " = ");
	append_argument(&hook->arguments[hook->result], object, how, size);
}

static const struct btf_type *find_prototype(const struct hook *hook, const struct btf *btf)
{
	const struct hook_kind *kind = kind_of(hook);
	const struct btf_type *type;
	char target[TARGET_MAX];
	__s32 id;

	target_of(hook, kind, kind->prefix, target);
	id = btf__find_by_name_kind(btf, target, kind->btf_kind);
	if (id < 0 && kind->or_prefix) {
		target_of(hook, kind, kind->or_prefix, target);
		id = btf__find_by_name_kind(btf, target, kind->btf_kind);
	}
	type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	if (type && btf_is_typedef(type)) {
		type = btf_type_skip(btf, type->type, NULL);
		if (type && !btf_is_ptr(type))
			return NULL;
	}
	type = type ? btf_type_skip(btf, type->type, NULL) : NULL;
	return type && btf_is_func_proto(type) ? type : NULL;
}

static int argument_count(const struct hook_kind *kind, const struct btf_type *prototype)
{
	int count = (int)btf_vlen(prototype) - kind->hidden;

	return count > 0 ? count : 0;
}

void hook_learn(struct hook *hook, const struct kernel *kernel)
{
	const struct hook_kind *kind = kind_of(hook);
	const struct btf_type *prototype = kind ? find_prototype(hook, kernel->btf) : NULL;

	if (prototype && kind->returns &&
	    argument_count(kind, prototype) == hook->argument_count - 1)
		hook->result = hook->argument_count - 1;
}

static void judge_argument(const struct argument *argument, int n, const struct object *object,
			   const struct btf *btf, __u32 id, struct verdict *verdict)
{
	const struct btf_type *type = btf_type_skip(btf, id, NULL);
	const struct btf_type *local = btf__type_by_id(object->btf, argument->type_id);
	const struct btf_type *to = NULL;
	char spelled[SPELL_MAX];
	size_t length = strlen(verdict->why);

	if (type && btf_is_ptr(type))
		to = btf_type_skip(btf, type->type, NULL);
	if (to && btf_kind(to) == btf_kind(local) &&
	    btf_names_match(btf_type_name(btf, to), btf_type_name(object->btf, local)))
		return;
	verdict->level = LEVEL_ERROR;
	snprintf(verdict->why + length, WHY_MAX - length, "%s argument %d is %s, read as %s%s *",
		 length ? ";" : "", n + 1, btf_type_spell(btf, id, spelled), btf_kind_word(local),
		 btf_type_name(object->btf, local));
}

/* How many arguments it takes in this kernel: what asks for a type or field that is not there never
 * reads what comes with it. */
static int count_used(const struct hook *hook, const struct object *object, struct kernel *kernel)
{
	enum existence *existence = zalloc(object->touch_count, sizeof(*existence));
	struct argument arguments[ARGUMENTS_MAX] = {0};
	int count = 0;

	for (size_t i = 0; i < object->touch_count; i++)
		existence[i] = kernel_find(kernel, object, object->touches[i]).found == FOUND
				       ? EXISTENCE_YES
				       : EXISTENCE_NO;
	flow_run(hook->program, existence, NULL, arguments);
	free(existence);
	for (int i = 0; i < ARGUMENTS_MAX; i++)
		if (arguments[i].used)
			count = i + 1;
	return count;
}

static void judge_arguments(const struct hook *hook, const struct hook_kind *kind,
			    const struct object *object, struct kernel *kernel,
			    const struct btf_type *prototype, struct verdict *verdict)
{
	const struct btf_param *params = btf_params(prototype) + kind->hidden;
	int count = argument_count(kind, prototype);
	int used = hook->result < 0 ? count_used(hook, object, kernel) : hook->result;

	if (used > count || (hook->result >= 0 && used < count)) {
		verdict->level = LEVEL_ERROR;
		snprintf(verdict->why, WHY_MAX, " has %d argument%s, the program takes %d%s", count,
			 count == 1 ? "" : "s", used, hook->result < 0 ? "" : " and the result");
	}
	for (int i = 0; i < used && i < count; i++)
		if (hook->arguments[i].type_id)
			judge_argument(&hook->arguments[i], i, object, kernel->btf, params[i].type,
				       verdict);
}

static void context_of(const struct hook *hook, char name[TARGET_MAX])
{
	const struct hook_kind *kind = kind_of(hook);

	if (kind->context)
		snprintf(name, TARGET_MAX, "%s", kind->context);
	else
		snprintf(name, TARGET_MAX, "bpf_iter__%s",
			 section_of(hook) + strlen(kind->section));
}

static bool has_context(const struct hook *hook, const struct btf *btf)
{
	char name[TARGET_MAX];

	context_of(hook, name);
	return btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) > 0;
}

static void judge_present(const struct hook *hook, const struct object *object,
			  struct kernel *kernel, const struct btf_type *prototype,
			  struct verdict *verdict)
{
	const struct hook_kind *kind = kind_of(hook);
	char context[TARGET_MAX];

	snprintf(verdict->cell, CELL_MAX, "   yes");
	if (kind->has_argument) {
		judge_arguments(hook, kind, object, kernel, prototype, verdict);
		if (verdict->level)
			snprintf(verdict->cell, CELL_MAX, "   arguments !");
	} else if (!has_context(hook, kernel->btf)) {
		verdict->level = LEVEL_ERROR;
		snprintf(verdict->cell, CELL_MAX, "   context !");
		context_of(hook, context);
		snprintf(verdict->why, WHY_MAX, " has no struct %s", context);
	}
}

void hook_judge(const struct hook *hook, const struct object *object, struct kernel *kernel,
		bool optional, struct verdict *verdict)
{
	const struct hook_kind *kind = kind_of(hook);
	const struct btf_type *prototype = kind ? find_prototype(hook, kernel->btf) : NULL;
	char target[TARGET_MAX];
	char why[WHY_MAX];

	*verdict = (struct verdict){0};
	if (!kind) {
		verdict->level = LEVEL_ERROR;
		snprintf(verdict->cell, CELL_MAX, "unknown !");
		snprintf(verdict->why, WHY_MAX, " is a kind of hook that this tool cannot judge");
	} else if (prototype || !kind->btf_kind) {
		judge_present(hook, object, kernel, prototype, verdict);
	} else {
		target_of(hook, kind, kind->prefix, target);
		verdict->level = optional ? LEVEL_FINE : LEVEL_ERROR;
		snprintf(verdict->cell, CELL_MAX, optional ? "absent" : "absent !");
		snprintf(verdict->why, WHY_MAX, " is absent: the kernel has no %s %s",
			 kind->btf_kind == BTF_KIND_FUNC ? "function" : "typedef", target);
	}
	snprintf(why, sizeof(why), "%s%.900s (%s)", section_of(hook), verdict->why,
		 hook->program->name);
	snprintf(verdict->why, WHY_MAX, "%s", why);
}

void hook_prototype(const struct hook *hook, const struct kernel *kernel, char *text, size_t size)
{
	const struct hook_kind *kind = kind_of(hook);
	const struct btf_type *prototype = kind ? find_prototype(hook, kernel->btf) : NULL;
	const struct btf_param *param;
	char spelled[SPELL_MAX];

	text[0] = '\0';
	if (!prototype || !kind->has_argument)
		return;
	param = btf_params(prototype);
	append(text, size, "(");
	for (int i = kind->hidden; i < btf_vlen(prototype); i++) {
		append(text, size, i > kind->hidden ? ", " : "");
		append(text, size, btf_type_spell(kernel->btf, param[i].type, spelled));
	}
	append(text, size, ")");
	if (!kind->returns)
		return;
	append(text, size, " = ");
	append(text, size, btf_type_spell(kernel->btf, prototype->type, spelled));
}
