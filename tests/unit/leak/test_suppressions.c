// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "suppress.h"

#include <errno.h>
#include <unistd.h>

static void a_file_has_comments_and_blank_lines(void **state)
{
	struct suppressions *suppressions =
		suppressions_of("\xef\xbb\xbf# comment: leak:no\r\n\r\n  \t\r\n"
				" leak:a b \t\r\nunread: ->\n\t# another\n\nunclosed:x#y");
	static const struct suppression wanted[] = {
		{"leak:a b", 4, 0}, {"unread: ->", 5, 0}, {"unclosed:x#y", 8, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const struct suppression *got = suppressions_at(suppressions, i);

		assert_non_null(got);
		assert_string_equal(got->text, wanted[i].text);
		assert_int_equal(got->line, wanted[i].line);
		assert_int_equal(got->count, 0);
	}
	assert_null(suppressions_at(suppressions, 3));
	suppressions_free(suppressions);
	suppressions_free(NULL);
}

static void an_empty_file_ignores_nothing(void **state)
{
	struct suppressions *suppressions = suppressions_of("");
	struct made_leak made;

	(void)state;
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "curl");
	assert_null(suppressions_at(suppressions, 0));
	assert_false(suppressions_match(suppressions, &made.leak));
	suppressions_free(suppressions);
}

static void check_refused(const char *text, size_t size, const char *wanted)
{
	struct suppressions *suppressions = (void *)1;
	char error[SUPPRESSIONS_ERROR_LEN] = "";

	assert_int_equal(suppressions_parse(&suppressions, text, size, "dir/sup", error), -EINVAL);
	assert_ptr_equal(suppressions, (void *)1);
	if (strncmp(error, wanted, strlen(wanted)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", error, wanted);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text;
		const char *wanted;
	} table[] = {
		{"\n#\nhandle_conn", "dir/sup:3: 'handle_conn': a suppression is KIND:PATTERN"},
		{"race:x", "dir/sup:1: 'race:x': a suppression is KIND:PATTERN"},
		{"Leak:x", "dir/sup:1: 'Leak:x': a suppression is"},
		{"leak :x", "dir/sup:1: 'leak :x': a suppression is"},
		{":x", "dir/sup:1: ':x': a suppression is"},
		{"lea:x", "dir/sup:1: 'lea:x': a suppression is"},
		{"leaks:x", "dir/sup:1: 'leaks:x': a suppression is"},
		{"leak:ok\nleak:", "dir/sup:2: 'leak:': there is no pattern"},
		{"leak: \t\r\n", "dir/sup:1: 'leak:': there is no pattern"},
		{"unread:^$", "dir/sup:1: 'unread:^$': there is no pattern"},
		{"leak:a\\b", "dir/sup:1: 'leak:a\\b': \\ is followed by"},
		{"leak:a\033[31m", "dir/sup:1: 'leak:a?[31m': this is no text"},
		{"leak:a\177", "dir/sup:1: 'leak:a?': this is no text"},
		{"leak:a\rleak:b\n", "dir/sup:1: 'leak:a?leak:b': this is no text"},
		{"# \xc3\x28", "dir/sup:1: '# ?(': this is no text"},
		{"leak:\xff", "dir/sup:1: 'leak:?': this is no text"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		check_refused(table[i].text, strlen(table[i].text), table[i].wanted);
	check_refused("leak:a\0b", 8, "dir/sup:1: 'leak:a?b': this is no text");
}

static void limits_are_exact(void **state)
{
	char *text = malloc(SUPPRESSIONS_SIZE_MAX + 2);
	struct suppressions *suppressions;

	(void)state;
	assert_non_null(text);
	memset(text, '\n', SUPPRESSIONS_SIZE_MAX + 2);
	text[SUPPRESSIONS_SIZE_MAX] = '\0';
	suppressions_free(suppressions_of(text)); /* a million empty lines */
	check_refused(text, SUPPRESSIONS_SIZE_MAX + 1,
		      "dir/sup: the file is too big: at most 1 MB");

	memset(text, 'x', SUPPRESSION_LINE_MAX + 1);
	memcpy(text, "leak:", 5);
	text[SUPPRESSION_LINE_MAX] = '\0';
	suppressions_free(suppressions_of(text));
	check_refused(text, SUPPRESSION_LINE_MAX + 1, "dir/sup:1: 'leak:xxx");
	for (size_t length = 1; length < 100; length++) { /* however much of it a message shows */
		memset(text, 'x', length);
		text[length - 1] = ':';
		check_refused(text, length, "dir/sup:1: '");
	}

	for (size_t i = 0; i <= SUPPRESSIONS_MAX; i++)
		memcpy(text + 7 * i, "leak:x\n", 8);
	check_refused(text, strlen(text),
		      "dir/sup:10001: 'leak:x': there are too many suppressions: at most 10000");
	text[7 * SUPPRESSIONS_MAX] = '\0';
	suppressions = suppressions_of(text);
	assert_non_null(suppressions_at(suppressions, SUPPRESSIONS_MAX - 1));
	suppressions_free(suppressions);
	free(text);
}

static void files_are_read(void **state)
{
	struct suppressions *suppressions = (void *)1;
	char error[SUPPRESSIONS_ERROR_LEN] = "", path[] = "/tmp/test-suppressions-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "leak:a\n\nstalled:b\n", 18), 18);
	assert_int_equal(suppressions_read(&suppressions, path, error), 0);
	assert_string_equal(suppressions_at(suppressions, 1)->text, "stalled:b");
	assert_int_equal(suppressions_at(suppressions, 1)->line, 3);
	suppressions_free(suppressions);
	assert_int_equal(write(fd, "b\n", 2), 2);
	assert_int_equal(suppressions_read(&suppressions, path, error), -EINVAL);
	assert_non_null(strstr(error, path));
	assert_non_null(strstr(error, ":4: 'b': a suppression is"));
	assert_int_equal(ftruncate(fd, SUPPRESSIONS_SIZE_MAX + 1), 0);
	assert_int_equal(suppressions_read(&suppressions, path, error), -EINVAL);
	assert_non_null(strstr(error, "too big"));
	close(fd);
	unlink(path);
	assert_int_equal(suppressions_read(&suppressions, path, error), -ENOENT);
	assert_non_null(strstr(error, "cannot be read: No such file or directory"));
	assert_int_equal(suppressions_read(&suppressions, "/", error), -EISDIR);
	assert_int_equal(suppressions_read(&suppressions, "/dev/zero", error), -EINVAL);
}

static void a_kind_is_only_that_kind(void **state)
{
	static const char *const names[LEAK_KINDS] = {"unclosed:curl", "unread:curl",
						      "unaccepted:curl", "stalled:curl"};
	struct made_leak made;

	(void)state;
	for (unsigned int kind = 0; kind < LEAK_KINDS; kind++) {
		made_leak_init(&made, ROLE_CLIENT, kind, "curl");
		assert_true(ignores("leak:curl", &made.leak));
		for (unsigned int other = 0; other < LEAK_KINDS; other++)
			assert_int_equal(ignores(names[other], &made.leak), other == kind);
	}
}

static void ends_match_by_who_called(void **state)
{
	static const struct {
		const char *text;
		bool client, server, unknown;
	} table[] = {
		{"leak:^10.0.0.9:2001$", true, true, true},
		{"leak:^10.0.0.1:80$", false, true, true},
		{"leak:10.0.0.1", false, true, true},
		{"leak:->", true, false, false},
		{"leak:<-", false, true, false},
		{"leak:^-> 10.0.0.9:*$", true, false, false},
		{"leak:^10.0.0.1:80 <- 10.0.0.9:2001$", false, true, false},
		{"leak::2001$", true, true, true},
		{"leak:^10.0.0.9$", false, false, false},
		{"leak:10.0.0.10", false, false, false},
	};
	struct made_leak made;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, NULL);
		assert_int_equal(ignores(table[i].text, &made.leak), table[i].client);
		made.leak.role = ROLE_SERVER;
		assert_int_equal(ignores(table[i].text, &made.leak), table[i].server);
		made.leak.role = ROLE_UNKNOWN;
		assert_int_equal(ignores(table[i].text, &made.leak), table[i].unknown);
	}
}

static void ipv6_ends_have_brackets(void **state)
{
	struct event_flow flow = make_flow("2001:db8::1", 80, "2001:db8::9", 2001);
	struct made_leak made;

	(void)state;
	made_leak_init(&made, ROLE_SERVER, LEAK_UNREAD, NULL);
	flow_read(&made.flow, &flow, 1);
	assert_true(ignores("leak:^[2001:db8::1]:80$", &made.leak));
	assert_true(ignores("leak:[2001:db8::9]:2001", &made.leak));
	assert_false(ignores("leak:10.0.0", &made.leak));
}

static void every_frame_matches(void **state)
{
	static const struct {
		const char *text;
		bool wanted;
	} table[] = {
		{"leak:^accept4$", true},	   {"leak:libc.so", true},
		{"leak:handle_conn", true},	   {"leak:^handle_conn$", true},
		{"leak:server.c$", true},	   {"leak:^/srv/server$", true},
		{"leak:worker_main", true},	   {"leak:worker.c", true},
		{"leak:^worker_main/srv", false},  {"leak:(null)", false},
		{"unclosed:^handle_conn$", false}, {"unread:^handle_conn$", true},
	};
	struct made_leak made;

	(void)state;
	made_leak_init(&made, ROLE_SERVER, LEAK_UNREAD, NULL);
	made_leak_frame(&made, "accept4", NULL, "/lib/libc.so.6");
	made_leak_frame(&made, "handle_conn", "/src/server.c", "/srv/server");
	made_leak_frame(&made, NULL, NULL, NULL);
	made_leak_frame(&made, "", "", "");
	made_leak_frame(&made, "worker_main", "/src/worker.c", made.frames[1].module);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (ignores(table[i].text, &made.leak) != table[i].wanted)
			fail_msg("%s", table[i].text);
	made.stack.count = 0;
	assert_false(ignores("leak:handle_conn", &made.leak));
}

static void the_first_that_says_so_is_counted(void **state)
{
	struct suppressions *suppressions =
		suppressions_of("unclosed:curl\nunread:cur\nleak:*\nunread:curl");
	static const uint64_t wanted[] = {0, 3, 1, 0};
	struct made_leak made;

	(void)state;
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "curl");
	for (int i = 0; i < 3; i++)
		assert_true(suppressions_match(suppressions, &made.leak));
	made.leak.kind = LEAK_STALLED;
	assert_true(suppressions_match(suppressions, &made.leak));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_int_equal(suppressions_at(suppressions, i)->count, wanted[i]);
	suppressions_free(suppressions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_has_comments_and_blank_lines),
		cmocka_unit_test(an_empty_file_ignores_nothing),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(files_are_read),
		cmocka_unit_test(a_kind_is_only_that_kind),
		cmocka_unit_test(ends_match_by_who_called),
		cmocka_unit_test(ipv6_ends_have_brackets),
		cmocka_unit_test(every_frame_matches),
		cmocka_unit_test(the_first_that_says_so_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
