// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/call_site.h"

#include <stdio.h>
#include <string.h>

#include "symbol/call_layer.h"
#include "symbol/jit_name.h"

/* How many frames fit into one line. */
#define FRAMES_SHOWN 3

#define FUNCTION_LEN 52
#define FILE_LEN     32
#define SOURCE_LEN   (FILE_LEN + 11)

static bool is_known(const char *name)
{
	return name && *name;
}

static const char *cut_base(const char *path, char out[FILE_LEN])
{
	const char *base = call_frame_base_name(path);

	return call_frame_cut_name(base, strlen(base), out, FILE_LEN);
}

/* Writes a function of a perf map. Its line is the one where it begins. */
static const char *format_jit(const struct call_frame *frame, char text[CALL_FRAME_TEXT_LEN])
{
	char function[FUNCTION_LEN], file[FILE_LEN];
	struct jit_name name;
	const char *base;
	size_t length;

	jit_name_read(frame->function, &name);
	call_frame_cut_name(name.function, name.function_length, function, sizeof(function));
	if (!name.file) {
		snprintf(text, CALL_FRAME_TEXT_LEN, "%s", function);
		return text;
	}
	base = memrchr(name.file, '/', name.file_length);
	base = base && base + 1 < name.file + name.file_length ? base + 1 : name.file;
	length = name.file_length - (size_t)(base - name.file);
	call_frame_cut_name(base, length, file, sizeof(file));
	if (name.line)
		snprintf(text, CALL_FRAME_TEXT_LEN, "%s (%s:%u)", function, file, name.line);
	else
		snprintf(text, CALL_FRAME_TEXT_LEN, "%s (%s)", function, file);
	return text;
}

/* Returns the length of a C++ name without its parameters: "f(int)" becomes "f", "g::operator()()"
 * becomes "g::operator()". */
static size_t without_parameters(const char *function)
{
	static const char operator[] = "operator";
	size_t length = strlen(function), at = length;
	int depth = 0;

	if (length > 7 && !strcmp(function + length - 6, " const"))
		at = length - 6;
	if (!at || function[at - 1] != ')')
		return length;
	do {
		at--;
		depth += function[at] == ')';
		depth -= function[at] == '(';
	} while (at && depth);
	if (depth || !at)
		return length;
	if (at >= sizeof(operator) - 1 &&
	    !strncmp(function + at - (sizeof(operator) - 1), operator, sizeof(operator) - 1))
		return length;
	return at;
}

/* Writes "server.c:118", or "server.c" where the line is not known. */
static const char *format_source(const struct call_frame *frame, char text[SOURCE_LEN])
{
	char file[FILE_LEN];

	cut_base(frame->file, file);
	if (frame->line)
		snprintf(text, SOURCE_LEN, "%s:%u", file, frame->line);
	else
		snprintf(text, SOURCE_LEN, "%s", file);
	return text;
}

const char *call_frame_format(const struct call_frame *frame, char text[CALL_FRAME_TEXT_LEN])
{
	char function[FUNCTION_LEN], file[FILE_LEN], source[SOURCE_LEN];
	const char *name = is_known(frame->function) ? frame->function : "";
	bool named = *name;

	if (call_layer_is_jit(frame))
		return format_jit(frame, text);
	call_frame_cut_name(name, without_parameters(name), function, sizeof(function));
	if (is_known(frame->file) && named)
		snprintf(text, CALL_FRAME_TEXT_LEN, "%s (%s)", function,
			 format_source(frame, source));
	else if (is_known(frame->file))
		snprintf(text, CALL_FRAME_TEXT_LEN, "%s", format_source(frame, source));
	else if (named)
		snprintf(text, CALL_FRAME_TEXT_LEN, "%s+0x%llx (%s)", function,
			 (unsigned long long)frame->offset, cut_base(frame->module, file));
	else if (is_known(frame->module))
		snprintf(text, CALL_FRAME_TEXT_LEN, "%s+0x%llx", cut_base(frame->module, file),
			 (unsigned long long)frame->offset);
	else
		snprintf(text, CALL_FRAME_TEXT_LEN, "0x%llx", (unsigned long long)frame->ip);
	return text;
}

static size_t start_of(const struct call_stack *stack)
{
	enum call_layer best = LAYER_SYSTEM;
	size_t start = 0;

	for (size_t i = 0; i < stack->count; i++) {
		enum call_layer layer = call_layer_of(&stack->frames[i]);

		if (layer > best) {
			best = layer;
			start = i;
		}
	}
	/* The frames of libc are not the site just because nothing is known of their callers. */
	for (size_t i = 0; best == LAYER_SYSTEM && i < stack->count; i++)
		if (!is_known(stack->frames[i].function) && !is_known(stack->frames[i].module))
			return i;
	return start;
}

const struct call_frame *call_site_frame(const struct call_stack *stack)
{
	return stack->count ? &stack->frames[start_of(stack)] : NULL;
}

const char *call_site_verb(const struct call_stack *stack)
{
	switch (stack->how) {
	case STACK_ACCEPT:
		return "accepted";
	case STACK_REQUEST:
		return "last used";
	default:
		return "connected";
	}
}

/* Whether a caller is mentioned: it is at least as near to the program as the first frame. */
static bool is_shown(const struct call_frame *frame, enum call_layer first)
{
	enum call_layer layer = call_layer_of(frame);

	return layer >= first && layer > LAYER_SYSTEM;
}

const char *call_site_format(const struct call_stack *stack, char text[CALL_SITE_TEXT_LEN])
{
	char frame[CALL_FRAME_TEXT_LEN];
	size_t start, shown = 1;
	enum call_layer first;
	int length;

	text[0] = '\0';
	if (!stack->count)
		return text;
	start = start_of(stack);
	first = call_layer_of(&stack->frames[start]);
	length = snprintf(text, CALL_SITE_TEXT_LEN, "%s at %s", call_site_verb(stack),
			  call_frame_format(&stack->frames[start], frame));
	for (size_t i = start + 1; i < stack->count && shown < FRAMES_SHOWN; i++) {
		if (!is_shown(&stack->frames[i], first))
			continue;
		length += snprintf(text + length, CALL_SITE_TEXT_LEN - (size_t)length, " <- %s",
				   call_frame_format(&stack->frames[i], frame));
		shown++;
	}
	return text;
}

/* The longest text fits. */
_Static_assert(CALL_FRAME_TEXT_LEN >= FUNCTION_LEN + FILE_LEN + sizeof("+0x0123456789abcdef ()"),
	       "room for a frame");
_Static_assert(CALL_SITE_TEXT_LEN >= FRAMES_SHOWN * (CALL_FRAME_TEXT_LEN + sizeof(" <- ")) +
					     sizeof("connected at"),
	       "room for a site");
