// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Stacks under leaks: each site's frames once, whatever the number of leaks. */
#include "events.h"

#include "output/output.h"
#include "output/text_stack.h"

static const struct call_frame frames[] = {
	{.ip = 1, .function = "accept4", .offset = 0x53, .module = "/lib/libc.so.6"},
	{.ip = 2,
	 .function = "handle",
	 .file = "/s/server.c",
	 .line = 118,
	 .module = "/srv/server"},
	{.ip = 3, .function = "main_loop", .offset = 8, .module = "/srv/server"},
};
static const struct call_stack whole = {.frames = frames, .count = 3, .how = STACK_ACCEPT};

struct paper {
	struct text_stack stack;
	char *text;
	size_t size;
	size_t read;
	FILE *file;
};

static const struct text_style plain = {.colour = false};

static struct paper *paper_new(void)
{
	struct paper *paper = calloc(1, sizeof(*paper));

	assert_non_null(paper);
	paper->file = open_memstream(&paper->text, &paper->size);
	assert_non_null(paper->file);
	return paper;
}

/* What was written since the last time. */
static const char *news(struct paper *paper)
{
	const char *text;

	fflush(paper->file);
	text = paper->text + paper->read;
	paper->read = paper->size;
	return text;
}

static void check(struct paper *paper, const char *wanted)
{
	assert_string_equal(news(paper), wanted);
}

static void paper_free(struct paper *paper)
{
	fclose(paper->file);
	free(paper->text);
	free(paper);
}

static void put(struct paper *paper, const struct call_stack *stack, uint32_t site)
{
	const struct leak leak = {.stack = stack, .site = site};

	text_stack_put(&paper->stack, paper->file, &plain, &leak);
}

static void frames_are_told_once_for_each_site(void **state)
{
	static const char *const block = "    site 1000, accepted at:\n"
					 "      #0  accept4    +0x53         /lib/libc.so.6\n"
					 "      #1  handle     server.c:118  /srv/server\n"
					 "      #2  main_loop  +0x8          /srv/server\n";
	struct paper *paper = paper_new();

	(void)state;
	put(paper, &whole, LEAK_SITES_LIMIT);
	check(paper, block);
	for (int i = 0; i < 10000; i++)
		put(paper, &whole, LEAK_SITES_LIMIT);
	put(paper, NULL, 0);
	put(paper, &whole, 0); /* one site too many: its leaks have a line each */
	put(paper, &whole, LEAK_SITES_LIMIT + 1);
	check(paper, "");
	put(paper, &(struct call_stack){.how = STACK_CONNECT}, 3);
	check(paper, "");
	put(paper, &(struct call_stack){.frames = frames, .count = 1, .how = STACK_CONNECT}, 3);
	check(paper, "    site 3, connected at:\n      #0  accept4  +0x53  /lib/libc.so.6\n");
	paper_free(paper);
}

static void many_frames_are_counted(void **state)
{
	struct call_frame many[20];
	const struct call_stack stack = {.frames = many, .count = 20, .how = STACK_ACCEPT};
	struct paper *paper = paper_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct call_frame){.ip = 0x100 + i};
	put(paper, &stack, 1);
	check(paper, "    site 1, accepted at:\n"
		     "      #0  0x100\n      #1  0x101\n      #2  0x102\n      #3  0x103\n"
		     "      #4  0x104\n      #5  0x105\n      #6  0x106\n      #7  0x107\n"
		     "      #8  0x108\n      #9  0x109\n      #10 0x10a\n      #11 0x10b\n"
		     "      and 8 more\n");
	paper_free(paper);
}

/* The program is told what to compile it with, once. */
static void short_stacks_say_why(void **state)
{
	struct call_stack stack = whole;
	struct paper *paper = paper_new();

	(void)state;
	stack.is_short = true;
	put(paper, &stack, 1);
	assert_non_null(strstr(news(paper),
			       "/srv/server\n      (short: server has no frame pointers: "
			       "compile it with -fno-omit-frame-pointer)\n"));
	put(paper, &stack, 2);
	assert_null(strstr(news(paper), "(short"));
	stack.count = 1; /* libc is not the reader's to compile */
	put(paper, &stack, 3);
	assert_non_null(strstr(news(paper), "(short: the callers are unknown)\n"));
	paper_free(paper);
}

static void say_short(struct paper *paper, const char *function, const char *module,
		      const char *remedy)
{
	static uint32_t site = 10;
	const struct call_frame frames[] = {
		{.function = "connect", .module = "/lib/libc.so.6"},
		{.function = function, .module = module},
	};
	const struct call_stack stack = {
		.frames = frames, .count = 2, .how = STACK_CONNECT, .is_short = true};
	const char *news_text;

	put(paper, &stack, site++);
	news_text = news(paper);
	if (!strstr(news_text, remedy))
		print_error("%s", news_text);
	assert_non_null(strstr(news_text, remedy));
}

/* What is right for C is not what helps in other languages. */
static void each_language_has_its_remedy(void **state)
{
	struct paper *paper = paper_new();

	(void)state;
	say_short(paper, "<std::net::TcpStream>::connect", "/srv/shop",
		  "(short: shop has no frame pointers: compile it with -C "
		  "force-frame-pointers=yes)");
	say_short(
		paper, "Perl_pp_bind", "/usr/bin/perl",
		"(short: perl has no frame pointers: only another build of the interpreter has them; "
		"lines of scripts are not shown)");
	say_short(paper, NULL, "/usr/lib/jvm/java-17-openjdk-amd64/lib/libnet.so",
		  "(short: libnet.so has no frame pointers: start Java with "
		  "-XX:+PreserveFramePointer)");
	paper_free(paper);
}

static void the_leaks_line_names_the_site(void **state)
{
	struct paper *paper = paper_new();

	(void)state;
	text_stack_put_site(paper->file, &plain, &(struct leak){.stack = &whole, .site = 7});
	check(paper, "  site 7: handle (server.c:118)");
	text_stack_put_site(paper->file, &plain, &(struct leak){.stack = &whole});
	check(paper, "  site handle (server.c:118)");
	text_stack_put_site(paper->file, &plain, &(struct leak){0});
	check(paper, "  site unknown");
	text_stack_put_line(paper->file, &plain, &(struct leak){.stack = &whole, .site = 7});
	check(paper, "  accepted at handle (server.c:118)");
	text_stack_put_line(paper->file, &plain, &(struct leak){0});
	check(paper, "");
	paper_free(paper);
}

/* A daemon's leak is one line of its log, with the site; nothing follows it. */
static void daemons_have_one_line(void **state)
{
	static const struct flow flow = {.family = AF_INET};
	const struct leak leak = {.flow = &flow, .stack = &whole, .site = 1};
	struct paper *paper = paper_new();
	struct output *output = output_log_new(paper->file);
	const char *line, *end;

	(void)state;
	assert_non_null(output);
	output->ops->leak(output, &leak);
	line = news(paper);
	end = strchr(line, '\n');
	assert_non_null(strstr(line, "  accepted at handle (server.c:118)\n"));
	assert_non_null(end);
	assert_int_equal(end[1], 0);
	output->ops->free(output);
	paper_free(paper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_told_once_for_each_site),
		cmocka_unit_test(many_frames_are_counted),
		cmocka_unit_test(short_stacks_say_why),
		cmocka_unit_test(each_language_has_its_remedy),
		cmocka_unit_test(the_leaks_line_names_the_site),
		cmocka_unit_test(daemons_have_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
