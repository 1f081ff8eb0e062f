// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/suppression_gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "leak/suppression_pattern.h"
#include "leak/suppressions.h"

struct made {
	struct suppression_made shown;
	UT_hash_handle hh;
};

struct suppression_gen {
	struct made *table;
	struct made *list[SUPPRESSION_GEN_LIMIT];
	size_t count;
	uint64_t left_out;
};

struct suppression_gen *suppression_gen_new(void)
{
	return calloc(1, sizeof(struct suppression_gen));
}

static void made_free(struct made *made)
{
	if (made)
		free(made->shown.text);
	free(made);
}

void suppression_gen_free(struct suppression_gen *gen)
{
	if (!gen)
		return;
	HASH_CLEAR(hh, gen->table);
	for (size_t i = 0; i < gen->count; i++)
		made_free(gen->list[i]);
	free(gen);
}

/*
 * The C library, and interpreters and their libraries: a function of theirs is in the stack of
 * nearly every socket, and says nothing of the program.
 */
static bool is_runtime(const char *module)
{
	static const char *const names[] = {
		"libc.so",    "libc-",	   "libpthread", "ld-linux",  "ld-musl", "libc.musl",
		"linux-vdso", "[vdso]",	   "python",	 "libpython", "java",	 "libjvm",
		"libnet.so",  "libnio.so", "node",	 "libnode",   "ruby",	 "libruby",
		"perl",	      "libperl",   "php",
	};
	const char *slash;

	if (!module)
		return false;
	slash = strrchr(module, '/');
	module = slash ? slash + 1 : module;
	if (strstr(module, ".cpython-"))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t length = strlen(names[i]);

		/* python3.11, not pythonic */
		if (!strncmp(module, names[i], length) &&
		    (!module[length] || strchr(".-0123456789", module[length])))
			return true;
	}
	return false;
}

/* Writes "KIND:^NAME$". Returns NULL if there is no name, or one that fits no line. */
static const char *entry_of(const struct leak *leak, const char *name,
			    char text[SUPPRESSION_LINE_MAX + 1])
{
	size_t length = name ? strlen(name) : 0;
	int start;

	if (!length || length > (SUPPRESSION_LINE_MAX - 16) / SUPPRESSION_QUOTED_LEN)
		return NULL;
	start = snprintf(text, SUPPRESSION_LINE_MAX, "%s:^", leak_kind_name(leak->kind));
	length = suppression_pattern_quote(name, length, text + start) + (size_t)start;
	memcpy(text + length, "$", 2);
	return text;
}

/* main() is in every program: of such a frame the file says more. */
static const char *function_of(const struct call_frame *frame)
{
	return frame->function && strcmp(frame->function, "main") != 0 ? frame->function : NULL;
}

/* The innermost frame of the program itself: better one whose source is known. */
static const struct call_frame *own_frame(const struct call_stack *stack)
{
	const struct call_frame *named = NULL, *placed = NULL;

	for (size_t i = 0; stack && i < stack->count; i++) {
		const struct call_frame *frame = &stack->frames[i];

		if (is_runtime(frame->module))
			continue;
		if (frame->file)
			return frame;
		if (!named && function_of(frame))
			named = frame;
		if (!placed && frame->module)
			placed = frame;
	}
	return named ? named : placed;
}

static const char *entry_make(const struct leak *leak, char text[SUPPRESSION_LINE_MAX + 1])
{
	const struct call_frame *frame = own_frame(leak->stack);
	const char *made = NULL;
	char end[ENDPOINT_TEXT_LEN];

	if (frame)
		made = entry_of(leak, function_of(frame), text);
	if (frame && !made)
		made = entry_of(leak, frame->file, text);
	if (frame && !made)
		made = entry_of(leak, frame->module, text);
	if (!made && leak->process)
		made = entry_of(leak, leak->process->comm, text);
	if (made)
		return made;
	if (leak->role == ROLE_SERVER)
		return entry_of(leak, flow_format_local(leak->flow, end), text);
	return entry_of(leak, flow_format_remote(leak->flow, end), text);
}

static struct made *made_new(const struct leak *leak, const char *text)
{
	struct made *made = calloc(1, sizeof(*made));

	if (!made)
		return NULL;
	made->shown.kind = leak->kind;
	if (leak->process)
		memcpy(made->shown.comm, leak->process->comm, sizeof(made->shown.comm));
	made->shown.text = strdup(text);
	if (made->shown.text)
		return made;
	free(made);
	return NULL;
}

void suppression_gen_add(struct suppression_gen *gen, const struct leak *leak)
{
	char buffer[SUPPRESSION_LINE_MAX + 1];
	const char *text = entry_make(leak, buffer);
	struct made *made;

	HASH_FIND_STR(gen->table, text, made);
	if (!made && gen->count < SUPPRESSION_GEN_LIMIT) {
		made = made_new(leak, text);
		if (made) {
			HASH_ADD_KEYPTR(hh, gen->table, made->shown.text, strlen(made->shown.text),
					made);
			if (!made->hh.tbl) {
				made_free(made);
				made = NULL;
			} else {
				gen->list[gen->count++] = made;
			}
		}
	}
	if (made)
		made->shown.count++;
	else
		gen->left_out++;
}

const struct suppression_made *suppression_gen_at(const struct suppression_gen *gen, size_t index)
{
	return index < gen->count ? &gen->list[index]->shown : NULL;
}

uint64_t suppression_gen_left_out(const struct suppression_gen *gen)
{
	return gen->left_out;
}
