// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What the names in perf maps say, and that any name can be read. */
#include "events.h"

#include "symbol/jit_name.h"

static const struct {
	const char *name, *function, *file;
	unsigned int line;
	bool standard;
} known[] = {
	{"py::fetch:/srv/app.py", "fetch", "/srv/app.py", 0, false},
	{"py::<module>:/srv/a:b.py", "<module>", "/srv/a:b.py", 0, false},
	{"py::_call:<frozen importlib._bootstrap>", "_call", "<frozen importlib._bootstrap>", 0,
	 true},
	{"py:::", "", "", 0, false},
	{"py::fetch", "py::fetch", NULL, 0, false},
	{"JS:~fetch /srv/app.js:12:7", "fetch", "/srv/app.js", 12, false},
	{"LazyCompile:*get total /srv/my app/a b.js:1:99", "get total", "/srv/my app/a b.js", 1,
	 false},
	{"JS:^ node:net:1380:61", "<anonymous>", "node:net", 1380, true},
	{"Script:~ file:///srv/app.mjs:1:1", "<anonymous>", "/srv/app.mjs", 1, false},
	{"Function:~read", "read", NULL, 0, false},
	{"JS:*f /srv/app.js", "f", "/srv/app.js", 0, false},
	{"JS:*f /srv/app.js:7", "f", "/srv/app.js:7", 0, false},
	{"JS:*f /srv/app.js:1:99999999999", "f", "/srv/app.js:1:99999999999", 0, false},
	{"JS:*f /:1:2", "f", "/", 1, false},
	{"JS:", "", NULL, 0, false},
	{"JS:~", "", NULL, 0, false},
	{"void com.acme.Pool.fill()", "com.acme.Pool.fill", NULL, 0, false},
	{"java.util.List com.acme.Orders.get(java.lang.String, int)", "com.acme.Orders.get", NULL,
	 0, false},
	{"com.acme.Order java.util.Optional.get()", "java.util.Optional.get", NULL, 0, true},
	{"byte[] com.sun.crypto.provider.AES.encrypt(byte[])",
	 "com.sun.crypto.provider.AES.encrypt", NULL, 0, true},
	{"void Main.main(java.lang.String[])", "Main.main", NULL, 0, false},
	{"Ljava/net/Socket;::connect", "Ljava/net/Socket;::connect", NULL, 0, true},
	{"Lcom/acme/Orders;::get", "Lcom/acme/Orders;::get", NULL, 0, false},
	{"StubRoutines (1)", "StubRoutines (1)", NULL, 0, false},
	{"fetch:/srv/app.py", "fetch:/srv/app.py", NULL, 0, false},
	{"(", "(", NULL, 0, false},
	{"", "", NULL, 0, false},
};

static void names_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct jit_name name;

		jit_name_read(known[i].name, &name);
		if (name.function_length != strlen(known[i].function))
			print_error("%s: %.*s\n", known[i].name, (int)name.function_length,
				    name.function);
		assert_int_equal(name.function_length, strlen(known[i].function));
		assert_memory_equal(name.function, known[i].function, name.function_length);
		assert_int_equal(name.line, known[i].line);
		assert_int_equal(name.standard, known[i].standard);
		assert_int_equal(!name.file, !known[i].file);
		if (!name.file)
			continue;
		assert_int_equal(name.file_length, strlen(known[i].file));
		assert_memory_equal(name.file, known[i].file, name.file_length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
