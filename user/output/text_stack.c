// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/text_stack.h"

#include <stdlib.h>
#include <string.h>

#include "symbol/call_layer.h"

/* Only -j prints more frames. */
#define FRAMES_SHOWN 12

#define INDENT "    "

/* Columns are as wide as the frames of the stack need. What is wider than this does not count. */
#define FUNCTION_COLUMNS 64
#define SOURCE_COLUMNS	 40

/* The middle of a longer name is left out. */
#define NAME_BYTES 128

/* One frame in columns, safe for a terminal. The strings are owned by the row. */
struct row {
	char *function;
	char *source;
	char *module;
};

/* Copies a name so that it is safe for a terminal. Returns NULL without memory. */
static char *shown_name(const struct text_style *style, const char *name)
{
	char bounded[NAME_BYTES];
	size_t size;
	char *text = NULL;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	text_put_name(style, file,
		      call_frame_cut_name(name, strlen(name), bounded, sizeof(bounded)));
	fclose(file);
	return text;
}

static void row_clear(struct row *row)
{
	free(row->function);
	free(row->source);
	free(row->module);
}

/* Writes the place in the source; if that is unknown, the offset in the function. */
static void source_of(const struct call_frame *frame, char text[NAME_BYTES])
{
	char file[NAME_BYTES / 2];
	const char *base = frame->file ? call_frame_base_name(frame->file) : "";

	text[0] = '\0';
	call_frame_cut_name(base, strlen(base), file, sizeof(file));
	if (*base && frame->line)
		snprintf(text, NAME_BYTES, "%s:%u", file, frame->line);
	else if (*base)
		snprintf(text, NAME_BYTES, "%s", file);
	else if (frame->function && *frame->function && !call_layer_is_jit(frame))
		snprintf(text, NAME_BYTES, "+0x%llx", (unsigned long long)frame->offset);
}

/* Returns false without memory. */
static bool row_fill(struct row *row, const struct text_style *style,
		     const struct call_frame *frame)
{
	char text[CALL_FRAME_TEXT_LEN], source[NAME_BYTES];
	bool named = frame->function && *frame->function;

	source_of(frame, source);
	*row = (struct row){
		.function =
			shown_name(style, named ? frame->function : call_frame_format(frame, text)),
		.source = shown_name(style, source),
		.module = shown_name(style, frame->module ? frame->module : ""),
	};
	return row->function && row->source && row->module;
}

/* The width of a column that has this text too. */
static int widen(int width, const struct text_style *style, const char *text, int most)
{
	int columns = most + 1 - text_padding(style, text, most + 1);

	return columns > width && columns <= most ? columns : width;
}

static void put_rows(FILE *file, const struct text_style *style, const struct row *rows,
		     size_t count)
{
	int function = 0, source = 0;

	for (size_t i = 0; i < count; i++) {
		function = widen(function, style, rows[i].function, FUNCTION_COLUMNS);
		source = widen(source, style, rows[i].source, SOURCE_COLUMNS);
	}
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		bool more = row->source[0] || row->module[0];

		fprintf(file, INDENT "  #%-2zu %s", i, row->function);
		if (more)
			fprintf(file, "%*s  %s", text_padding(style, row->function, function), "",
				row->source);
		if (row->module[0])
			fprintf(file, "%*s  %s%s%s", text_padding(style, row->source, source), "",
				text_dim(style), row->module, text_plain(style));
		putc('\n', file);
	}
}

static void put_frames(FILE *file, const struct text_style *style, const struct call_stack *stack)
{
	struct row rows[FRAMES_SHOWN] = {0};
	size_t count = stack->count < FRAMES_SHOWN ? stack->count : FRAMES_SHOWN;
	bool filled = true;

	for (size_t i = 0; filled && i < count; i++)
		filled = row_fill(&rows[i], style, &stack->frames[i]);
	if (filled)
		put_rows(file, style, rows, count);
	for (size_t i = 0; i < count; i++)
		row_clear(&rows[i]);
	if (count < stack->count)
		fprintf(file, INDENT "  and %zu more\n", stack->count - count);
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

/* Whether the module was mentioned before. Remembers that it was. */
static bool was_mentioned(struct text_stack *stack, const char *module)
{
	uint64_t hash = hash_of(module);

	for (unsigned int i = 0; i < stack->short_count; i++)
		if (stack->short_modules[i] == hash)
			return true;
	if (stack->short_count == TEXT_STACK_SHORT)
		return true;
	stack->short_modules[stack->short_count++] = hash;
	return false;
}

/* Whose code the module of the last frame has. Any of its frames may be the one that tells. */
static enum call_maker maker_of(const struct call_stack *stack)
{
	const char *module = stack->frames[stack->count - 1].module;
	enum call_maker maker = MAKER_COMPILER;

	for (size_t i = stack->count; i-- && maker == MAKER_COMPILER;)
		if (module && stack->frames[i].module && !strcmp(module, stack->frames[i].module))
			maker = call_layer_maker(&stack->frames[i]);
	return maker;
}

static const char *remedy_of(enum call_maker maker)
{
	switch (maker) {
	case MAKER_RUST:
		return "compile it with -C force-frame-pointers=yes";
	case MAKER_JAVA:
		return "start Java with -XX:+PreserveFramePointer";
	case MAKER_INTERPRETER:
		return "only another build of the interpreter has them; lines of scripts are not shown";
	default:
		return "compile it with -fno-omit-frame-pointer";
	}
}

/* Prints why the callers of the last frame are missing: its code keeps no frame pointer. */
static void put_short(struct text_stack *stack, FILE *file, const struct text_style *style,
		      const struct call_stack *frames)
{
	const struct call_frame *last = &frames->frames[frames->count - 1];
	enum call_maker maker = maker_of(frames);

	if (call_layer_of(last) == LAYER_SYSTEM || maker == MAKER_GO) {
		fputs(INDENT "  (short: the callers are unknown)\n", file);
	} else if (last->module && !was_mentioned(stack, last->module)) {
		fputs(INDENT "  (short: ", file);
		text_put_name(style, file, call_frame_base_name(last->module));
		fprintf(file, " has no frame pointers: %s)\n", remedy_of(maker));
	}
}

static bool was_shown(struct text_stack *stack, uint32_t site)
{
	unsigned char bit = (unsigned char)(1U << site % 8);
	bool shown;

	if (!site || site > LEAK_SITES_LIMIT)
		return true;
	shown = stack->shown[site / 8] & bit;
	stack->shown[site / 8] |= bit;
	return shown;
}

void text_stack_put_site(FILE *file, const struct text_style *style, const struct leak *leak)
{
	char text[CALL_FRAME_TEXT_LEN];
	const struct call_frame *frame = leak->stack ? call_site_frame(leak->stack) : NULL;

	if (!frame && leak->kind == LEAK_UNACCEPTED) /* no process made the socket */
		return;
	fputs("  site ", file);
	if (!frame) {
		fputs("unknown", file);
		return;
	}
	if (leak->site)
		fprintf(file, "%u: ", leak->site);
	text_put_name(style, file, call_frame_format(frame, text));
}

void text_stack_put_line(FILE *file, const struct text_style *style, const struct leak *leak)
{
	char text[CALL_SITE_TEXT_LEN];

	if (!leak->stack || !leak->stack->count)
		return;
	fputs("  ", file);
	text_put_name(style, file, call_site_format(leak->stack, text));
}

void text_stack_put(struct text_stack *stack, FILE *file, const struct text_style *style,
		    const struct leak *leak)
{
	const struct call_stack *frames = leak->stack;

	if (!frames || !frames->count || was_shown(stack, leak->site))
		return;
	fprintf(file, INDENT "site %u, %s at:\n", leak->site, call_site_verb(frames));
	put_frames(file, style, frames);
	if (frames->is_short)
		put_short(stack, file, style, frames);
}

void text_stack_put_group(FILE *file, const struct text_style *style,
			  const struct leak_group *group)
{
	if (!group->site)
		return;
	fprintf(file, "  %8s site %u: ", "", group->site_number);
	text_put_name(style, file, group->site);
	putc('\n', file);
}
