// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "suppress.h"

#include <stdio.h>

#include "leak/suppression_gen.h"

/* The suppression for one leak. */
static const char *made_of(const struct leak *leak)
{
	static char text[SUPPRESSION_LINE_MAX + 1];
	struct suppression_gen *gen = suppression_gen_new();
	const struct suppression_made *made;

	assert_non_null(gen);
	assert_null(suppression_gen_at(gen, 0));
	suppression_gen_add(gen, leak);
	made = suppression_gen_at(gen, 0);
	assert_non_null(made);
	assert_int_equal(made->count, 1);
	assert_int_equal(made->kind, leak->kind);
	assert_null(suppression_gen_at(gen, 1));
	assert_true(strlen(made->text) <= SUPPRESSION_LINE_MAX);
	strcpy(text, made->text);
	suppression_gen_free(gen);
	assert_true(ignores(text, leak));
	return text;
}

static void without_a_stack_it_is_the_process_and_the_kind(void **state)
{
	struct made_leak made;

	(void)state;
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "curl");
	assert_string_equal(made_of(&made.leak), "unread:^curl$");
	made.leak.kind = LEAK_STALLED;
	assert_string_equal(made_of(&made.leak), "stalled:^curl$");
	made.leak.stack = &made.stack; /* without frames */
	assert_string_equal(made_of(&made.leak), "stalled:^curl$");
	suppression_gen_free(NULL);
}

static void without_a_process_it_is_the_place(void **state)
{
	struct made_leak made;

	(void)state;
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, NULL);
	assert_string_equal(made_of(&made.leak), "unread:^10.0.0.9:2001$");
	made.leak.role = ROLE_SERVER;
	assert_string_equal(made_of(&made.leak), "unread:^10.0.0.1:80$");
	made_leak_init(&made, ROLE_UNKNOWN, LEAK_UNREAD, "");
	assert_string_equal(made_of(&made.leak), "unread:^10.0.0.9:2001$");
}

struct frames {
	struct call_frame frames[5];
	const char *wanted;
};

static void the_frame_is_the_programs_own(void **state)
{
	static const struct frames table[] = {
		{{{.function = "accept4", .file = "accept4.c", .module = "/lib/libc.so.6"},
		  {.function = "net_accept", .module = "/usr/lib/libnet.so.5"},
		  {.function = "library", .module = "/usr/lib/libfoo.so"},
		  {.function = "handle_conn", .file = "s.c", .module = "/srv/server"},
		  {.function = "worker_main", .file = "w.c", .module = "/srv/server"}},
		 "unread:^handle_conn$"},
		{{{.function = "connect", .module = "/lib64/libpthread-2.31.so"},
		  {.function = "library", .module = "/usr/lib/libfoo.so"},
		  {.function = "main", .module = "/srv/server"}},
		 "unread:^library$"},
		/* A standard library's function would ignore every program that uses it. */
		{{{.function = "connect", .module = "/srv/app"},
		  {.function = "std::net::tcp::connect",
		   .file = "/rustc/88ad/library/std/src/net/tcp.rs",
		   .module = "/srv/app"},
		  {.function = "app::fetch", .file = "/src/fetch.rs", .module = "/srv/app"},
		  {.function = "app::main", .file = "/src/main.rs", .module = "/srv/app"}},
		 "unread:^app::fetch$"},
		{{{.function = "connect", .module = "/lib/libc-2.31.so"},
		  {.module = "/srv/server"},
		  {.function = "__libc_start_main", .module = "/lib/libc-2.31.so"}},
		 "unread:^/srv/server$"},
		{{{.function = "connect", .module = "/lib/ld-musl-x86_64.so.1"},
		  {.function = "main", .file = "/src/app.c", .module = "/srv/app"}},
		 "unread:^/src/app.c$"},
		{{{.function = "connect", .module = "/lib/libc.musl-x86_64.so.1"},
		  {.function = "main", .module = "/srv/app"}},
		 "unread:^/srv/app$"},
		{{{.file = "/src/only.rs", .module = "/srv/app"}}, "unread:^/src/only.rs$"},
		{{{.function = "__connect", .module = "/lib/libc.so.6"},
		  {.function = "sock_connect",
		   .file = "socketmodule.c",
		   .module = "/usr/bin/python3.11"},
		  {.function = "_PyEval_EvalFrameDefault", .module = "/usr/lib/libpython3.11.so.1"},
		  {.function = "x", .module = "/usr/lib/_socket.cpython-311-x86_64-linux-gnu.so"}},
		 "unread:^curl$"},
		{{{.function = "__connect", .module = "/lib/libc.so.6"},
		  {.function = "_PyEval_EvalFrameDefault", .module = "/usr/bin/python3.12"},
		  {.function = "py::fetch:/srv/app.py"}},
		 "unread:^py::fetch:/srv/app.py$"},
		{{{.function = "collect", .module = "/usr/bin/node_exporter"}}, "unread:^collect$"},
		{{{.function = "operator*", .module = "/srv/app"}}, "unread:^operator\\*$"},
	};
	struct made_leak made;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct call_frame *frame = table[i].frames;

		made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "curl");
		for (size_t j = 0; j < ARRAY_SIZE(table[i].frames); j++, frame++)
			made_leak_frame(&made, frame->function, frame->file, frame->module);
		assert_string_equal(made_of(&made.leak), table[i].wanted);
	}
}

static void a_name_that_fits_no_line_is_left_for_the_next(void **state)
{
	struct made_leak made;
	char name[4097];

	(void)state;
	memset(name, '*', 4096);
	name[4096] = '\0';
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "curl");
	made_leak_frame(&made, name, NULL, "/srv/app");
	assert_string_equal(made_of(&made.leak), "unread:^/srv/app$");
	made.frames[0].module = name;
	assert_string_equal(made_of(&made.leak), "unread:^curl$");
	name[1020] = '\0';
	assert_int_equal(strlen(made_of(&made.leak)), strlen("unread:^$") + 2040);
	memset(name, '\1', 1020);
	assert_int_equal(strlen(made_of(&made.leak)), strlen("unread:^$") + 4080);
	made.leak.kind = LEAK_UNACCEPTED; /* the longest name */
	assert_int_equal(strlen(made_of(&made.leak)), strlen("unaccepted:^$") + 4080);
}

static void the_same_is_made_once(void **state)
{
	struct suppression_gen *gen = suppression_gen_new();
	struct made_leak made;

	(void)state;
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "curl");
	for (int i = 0; i < 5; i++)
		suppression_gen_add(gen, &made.leak);
	made.leak.kind = LEAK_UNCLOSED;
	suppression_gen_add(gen, &made.leak);
	assert_int_equal(suppression_gen_at(gen, 0)->count, 5);
	assert_string_equal(suppression_gen_at(gen, 0)->comm, "curl");
	assert_int_equal(suppression_gen_at(gen, 1)->count, 1);
	assert_string_equal(suppression_gen_at(gen, 1)->text, "unclosed:^curl$");
	assert_null(suppression_gen_at(gen, 2));
	assert_int_equal(suppression_gen_left_out(gen), 0);
	suppression_gen_free(gen);
}

static void there_is_a_limit(void **state)
{
	struct suppression_gen *gen = suppression_gen_new();
	struct made_leak made;
	char name[16];

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < SUPPRESSION_GEN_LIMIT + 3; i++) {
			snprintf(name, sizeof(name), "p%d", i);
			made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, name);
			suppression_gen_add(gen, &made.leak);
		}
	assert_int_equal(suppression_gen_left_out(gen), 6);
	assert_int_equal(suppression_gen_at(gen, SUPPRESSION_GEN_LIMIT - 1)->count, 2);
	assert_string_equal(suppression_gen_at(gen, 0)->text, "unread:^p0$");
	assert_null(suppression_gen_at(gen, SUPPRESSION_GEN_LIMIT));
	suppression_gen_free(gen);
}

/* Any bytes, many of which have a meaning in a pattern or end a line. */
static char *random_name(char *name, size_t size)
{
	size_t length = (size_t)random() % size;

	for (size_t i = 0; i < length; i++)
		name[i] = random() % 2 ? "*^$\\#: \n\r\tx0"[random() % 12]
				       : (char)(1 + random() % 255);
	name[length] = '\0';
	return name;
}

/* A file of all generated suppressions ignores all their leaks, and no other leak. */
static void what_is_made_ignores_all_it_was_made_of_and_nothing_else(void **state)
{
	enum { LEAKS = 300 };
	static struct made_leak leaks[LEAKS];
	static char names[LEAKS][2][24];
	struct suppression_gen *gen = suppression_gen_new();
	const struct suppression_made *made;
	struct suppressions *suppressions;
	struct made_leak other;
	char *text = NULL;
	size_t size, count = 0;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	srandom(3);
	for (int i = 0; i < LEAKS; i++) {
		made_leak_init(&leaks[i], (unsigned int)random() % 3,
			       (unsigned int)random() % LEAK_KINDS,
			       random_name(names[i][0], EVENT_COMM_LEN));
		if (random() % 2)
			made_leak_frame(&leaks[i], random_name(names[i][0], 23),
					random() % 2 ? random_name(names[i][1], 23) : NULL, "m");
		suppression_gen_add(gen, &leaks[i].leak);
	}
	for (; (made = suppression_gen_at(gen, count)); count++)
		fprintf(file, "%s\r\n", made->text);
	assert_int_equal(suppression_gen_left_out(gen), 0);
	fclose(file);
	suppressions = suppressions_of(text);
	for (int i = 0; i < LEAKS; i++)
		assert_true(suppressions_match(suppressions, &leaks[i].leak));
	for (size_t i = 0; i < count; i++) /* each line is a generated suppression */
		assert_string_equal(suppressions_at(suppressions, i)->text,
				    suppression_gen_at(gen, i)->text);
	assert_null(suppressions_at(suppressions, count));
	made_leak_init(&other, ROLE_CLIENT, LEAK_UNREAD, "other");
	other.flow.remote_port++;
	made_leak_frame(&other, "function", "file.c", "/srv/module");
	assert_false(suppressions_match(suppressions, &other.leak));
	suppressions_free(suppressions);
	suppression_gen_free(gen);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_stack_it_is_the_process_and_the_kind),
		cmocka_unit_test(without_a_process_it_is_the_place),
		cmocka_unit_test(the_frame_is_the_programs_own),
		cmocka_unit_test(a_name_that_fits_no_line_is_left_for_the_next),
		cmocka_unit_test(the_same_is_made_once),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(what_is_made_ignores_all_it_was_made_of_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
