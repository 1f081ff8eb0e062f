// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/suppression_gen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "leak/suppression_pattern.h"
#include "leak/suppressions.h"
#include "symbol/call_layer.h"
#include "symbol/call_site.h"

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

/* Writes "KIND:^NAME$" and returns it; NULL if there is no name, or it does not fit in a line. */
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

/* The function of a frame, but not main(), which every program has: then the file says more. */
static const char *function_of(const struct call_frame *frame)
{
	return frame->function && strcmp(frame->function, "main") != 0 ? frame->function : NULL;
}

/*
 * The frame at which the report names the site. Where that says no more than which program it is,
 * the innermost function that is not of a runtime. NULL where there is only code that nearly every
 * program has in its stacks.
 */
static const struct call_frame *own_frame(const struct call_stack *stack)
{
	const struct call_frame *site = stack ? call_site_frame(stack) : NULL;

	if (!site || call_layer_of(site) <= LAYER_RUNTIME)
		return NULL;
	if (site->file || function_of(site))
		return site;
	for (size_t i = 0; i < stack->count; i++)
		if (function_of(&stack->frames[i]) &&
		    call_layer_of(&stack->frames[i]) > LAYER_RUNTIME)
			return &stack->frames[i];
	return site;
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
