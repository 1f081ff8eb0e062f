// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Which layer a frame belongs to, by the names of its module, source file and function. */
#include "events.h"

#include "symbol/call_layer.h"

#define LIBC "/usr/lib/x86_64-linux-gnu/libc.so.6"

struct known {
	enum call_layer layer;
	const char *function, *file, *module;
};

static enum call_layer layer_of(const char *function, const char *file, const char *module)
{
	const struct call_frame frame = {.function = function, .file = file, .module = module};

	return call_layer_of(&frame);
}

static void check(const struct known *known, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum call_layer layer = layer_of(known[i].function, known[i].file, known[i].module);

		if (layer != known[i].layer)
			print_error("%s, %s, %s\n", known[i].function, known[i].file,
				    known[i].module);
		assert_int_equal(layer, known[i].layer);
	}
}

static void the_system_is_farthest(void **state)
{
	static const struct known known[] = {
		{LAYER_SYSTEM, NULL, NULL, NULL},
		{LAYER_SYSTEM, "", NULL, ""},
		/* A file alone, without function and module, is nothing to show. */
		{LAYER_SYSTEM, NULL, "/src/server.c", NULL},
		{LAYER_SYSTEM, "__libc_accept", "../sysdeps/unix/sysv/linux/accept.c", LIBC},
		{LAYER_SYSTEM, "qsort", NULL, LIBC},
		{LAYER_SYSTEM, NULL, NULL, "/lib/ld-musl-x86_64.so.1"},
		{LAYER_SYSTEM, NULL, NULL, "/lib64/ld-linux-x86-64.so.2"},
		{LAYER_SYSTEM, NULL, NULL, "[vdso]"},
		{LAYER_SYSTEM, "start_thread", NULL, "/lib/x86_64-linux-gnu/libpthread-2.31.so"},
		/* libc that is linked into the program, with or without debug information. */
		{LAYER_SYSTEM, "accept4", NULL, "/srv/server"},
		{LAYER_SYSTEM, "__libc_start_call_main", "libc-start.c", "/srv/server"},
		{LAYER_SYSTEM, "__pthread_create_2_1", NULL, "/srv/server"},
		{LAYER_SYSTEM, "_start", NULL, "/srv/server"},
		/* Only the whole name counts. */
		{LAYER_SOURCE, "accept_all", "/src/server.c", "/srv/server"},
		{LAYER_PROGRAM, "connect_to", NULL, "/srv/server"},
		{LAYER_SOURCE, "serve", "/src/server.c", "/srv/libc.so/server"},
	};

	(void)state;
	check(known, ARRAY_SIZE(known));
}

static void runtimes(void **state)
{
	static const struct known known[] = {
		{LAYER_RUNTIME, "_PyEval_EvalFrameDefault", NULL, "/usr/bin/python3.11"},
		{LAYER_RUNTIME, "PyObject_Call", NULL, "/usr/lib/libpython3.11.so.1.0"},
		{LAYER_RUNTIME, "sock_connect", "./Modules/socketmodule.c",
		 "/usr/lib/python3.11/lib-dynload/_socket.cpython-311-x86_64-linux-gnu.so"},
		{LAYER_RUNTIME, NULL, NULL, "/usr/local/bin/node"},
		{LAYER_RUNTIME, NULL, NULL, "/usr/lib/jvm/java-17/lib/server/libjvm.so"},
		{LAYER_PROGRAM, NULL, NULL, "/srv/nodeserver"},
		{LAYER_RUNTIME, "std::net::TcpStream::connect",
		 "/rustc/9fc6b431/library/std/net.rs", "/srv/crawl"},
		{LAYER_RUNTIME, "core::ops::function::FnOnce::call_once", NULL, "/srv/crawl"},
		{LAYER_RUNTIME, "<std::net::TcpStream>::connect::<&acme::To>", NULL, "/srv/crawl"},
		{LAYER_RUNTIME, "<&mut std::net::TcpStream as std::io::Read>::read", NULL,
		 "/srv/crawl"},
		{LAYER_RUNTIME, "<[core::cell::Cell<fn() -> acme::T>] as core::fmt::Debug>::fmt",
		 NULL, "/srv/crawl"},
		/* Methods that the program adds to types of the standard library. */
		{LAYER_PROGRAM, "<std::net::TcpStream as acme::Keep<u8>>::keep", NULL,
		 "/srv/crawl"},
		{LAYER_PROGRAM, "<acme::Pool<std::net::TcpStream> as core::ops::Drop>::drop", NULL,
		 "/srv/crawl"},
		{LAYER_RUNTIME, "std::function<void ()>::operator()() const",
		 "/usr/include/c++/12/bits/std_function.h", "/srv/chat"},
		{LAYER_SOURCE, "standard", "/src/standard.cc", "/srv/chat"},
	};

	(void)state;
	check(known, ARRAY_SIZE(known));
}

static void libraries(void **state)
{
	static const struct known known[] = {
		{LAYER_LIBRARY, "curl_easy_perform", NULL,
		 "/usr/lib/x86_64-linux-gnu/libcurl.so.4.8.0"},
		{LAYER_LIBRARY, NULL, NULL, "/usr/local/lib/libpool.so"},
		{LAYER_LIBRARY, "boost::asio::connect", "/usr/include/boost/asio/connect.hpp",
		 "/srv/chat"},
		{LAYER_LIBRARY, "hyper::connect",
		 "/home/a/.cargo/registry/src/index/hyper-1.0.0/src/connect.rs", "/srv/crawl"},
		/* A library of the program's own is a part of the program. */
		{LAYER_PROGRAM, "pool_get", NULL, "/srv/app/libpool.so.1"},
		{LAYER_SOURCE, "pool_get", "/home/a/pool.c", "/srv/app/libpool.so.1"},
		/* A program in a folder of libraries is no library. */
		{LAYER_PROGRAM, "main", NULL, "/usr/lib/postfix/sbin/smtpd"},
	};

	(void)state;
	check(known, ARRAY_SIZE(known));
}

static void go_by_the_first_part_of_the_path(void **state)
{
	static const struct known known[] = {
		{LAYER_RUNTIME, "runtime.goexit", "/usr/lib/go/src/runtime/asm_amd64.s", "/srv/f"},
		{LAYER_RUNTIME, "syscall.Syscall", NULL, "/srv/f"},
		{LAYER_RUNTIME, "net.(*netFD).connect", "net/fd_unix.go", "/srv/f"},
		{LAYER_RUNTIME, "internal/poll.(*FD).Accept", NULL, "/srv/f"},
		{LAYER_LIBRARY, "net/http.(*Transport).dial", "net/http/transport.go", "/srv/f"},
		{LAYER_LIBRARY, "bufio.(*Reader).Read", NULL, "/srv/f"},
		{LAYER_LIBRARY, "vendor/golang.org/x/net/idna.init", NULL, "/srv/f"},
		{LAYER_LIBRARY, "github.com/acme/pool.Get",
		 "/root/go/pkg/mod/github.com/acme/pool@v1.2.3/pool.go", "/srv/f"},
		{LAYER_SOURCE, "main.(*client).fetch", "/home/a/fetch/client.go", "/srv/f"},
		{LAYER_PROGRAM, "main.main", NULL, "/srv/f"},
		{LAYER_SOURCE, "example.com/network.Dial", "/home/a/network/dial.go", "/srv/f"},
		/* C functions whose names look like Go's: by the file, and clones by the suffix. */
		{LAYER_SOURCE, "net.part.0", "net.c", "/srv/a"},
		{LAYER_SOURCE, "time.now", "/src/time.rs", "/srv/a"},
		{LAYER_PROGRAM, "io.isra.0", NULL, "/srv/a"},
		{LAYER_PROGRAM, "log.constprop.1", NULL, "/srv/a"},
		/* Only the whole first part counts. */
		{LAYER_PROGRAM, "networks.Dial", NULL, "/srv/f"},
	};

	(void)state;
	check(known, ARRAY_SIZE(known));
}

static void code_of_jit_compilers(void **state)
{
	static const struct known known[] = {
		{LAYER_SOURCE, "py::fetch:/srv/app/client.py", NULL, NULL},
		{LAYER_SOURCE, "py::fetch:/srv/app/client.py", NULL, "/tmp/perf-7.map"},
		{LAYER_LIBRARY, "py::get:/usr/lib/python3/dist-packages/requests/api.py", NULL, ""},
		{LAYER_LIBRARY, "py::_call:<frozen importlib._bootstrap>", NULL, NULL},
		{LAYER_SOURCE, "LazyCompile:*fetch /srv/app/client.js:12:7", NULL, NULL},
		{LAYER_LIBRARY, "LazyCompile:*connect node:net:1024:19", NULL, NULL},
		{LAYER_LIBRARY, "LazyCompile:*get /srv/app/node_modules/got/index.js:3:1", NULL,
		 NULL},
		{LAYER_RUNTIME, "Builtin:InterpreterEntryTrampoline", NULL, NULL},
		{LAYER_RUNTIME, "Interpreter", NULL, NULL},
		{LAYER_LIBRARY, "Ljava/net/Socket;::connect", NULL, NULL},
		{LAYER_LIBRARY, "void java.net.Socket.connect(java.net.SocketAddress)", NULL, NULL},
		{LAYER_SOURCE, "void com.acme.Pool.fill()", NULL, NULL},
		{LAYER_SOURCE, "java.util.List com.acme.Orders.get(java.lang.String)", NULL, NULL},
		{LAYER_LIBRARY, "com.acme.Order java.util.Optional.get()", NULL, NULL},
		{LAYER_LIBRARY, "JS:^connect node:net:227:17", NULL, NULL},
		{LAYER_LIBRARY, "JS:~get file:///srv/app/node_modules/got/index.mjs:3:1", NULL,
		 NULL},
		{LAYER_SOURCE, "JS:~get file:///srv/my app/index.mjs:3:1", NULL, NULL},
		{LAYER_SOURCE, "py::fetch", NULL, NULL},
	};

	(void)state;
	check(known, ARRAY_SIZE(known));
}

static bool is_jit(const char *function, const char *file, const char *module)
{
	const struct call_frame frame = {.function = function, .file = file, .module = module};

	return call_layer_is_jit(&frame);
}

static void jit_is_a_name_without_a_file_and_a_module(void **state)
{
	(void)state;
	assert_true(is_jit("f", NULL, NULL));
	assert_true(is_jit("f", "", ""));
	assert_true(is_jit("f", NULL, "/tmp/perf-123.map"));
	assert_false(is_jit("f", NULL, "/srv/perf-tool"));
	assert_false(is_jit("f", NULL, "/srv/perf-123.map/server"));
	assert_false(is_jit("f", "f.c", NULL));
	assert_false(is_jit(NULL, NULL, NULL));
	assert_false(is_jit("", NULL, NULL));
}

static void makers(void **state)
{
	static const struct {
		enum call_maker maker;
		const char *function, *file, *module;
	} known[] = {
		{MAKER_COMPILER, "serve", "/src/server.c", "/srv/server"},
		{MAKER_COMPILER, "SSL_connect", NULL, "/usr/lib/x86_64-linux-gnu/libssl.so.3"},
		{MAKER_COMPILER, NULL, NULL, "/srv/phpserver"},
		{MAKER_COMPILER, NULL, NULL, "/srv/perl/server"},
		{MAKER_COMPILER, NULL, NULL, NULL},
		{MAKER_GO, "main.main", "/src/main.go", "/srv/f"},
		{MAKER_RUST, "serve", "src/main.rs", "/srv/f"},
		{MAKER_RUST, "<std::net::tcp::TcpStream>::connect", NULL, "/srv/f"},
		{MAKER_INTERPRETER, NULL, NULL, "/usr/bin/python3.11"},
		{MAKER_INTERPRETER, "Perl_pp_bind", NULL, "/usr/bin/perl"},
		{MAKER_INTERPRETER, NULL, NULL, "/usr/bin/perl5.36.0"},
		{MAKER_INTERPRETER, "php_network_connect_socket", NULL, "/usr/bin/php8.2"},
		{MAKER_INTERPRETER, NULL, NULL, "/usr/sbin/php-fpm8.2"},
		{MAKER_INTERPRETER, NULL, NULL, "/usr/lib/php/20220829/mysqli.so"},
		{MAKER_INTERPRETER, NULL, NULL, "/usr/lib/x86_64-linux-gnu/ruby/3.1.0/socket.so"},
		{MAKER_INTERPRETER, NULL, NULL, "/usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1"},
		{MAKER_JAVA, NULL, NULL, "/usr/lib/jvm/java-17-openjdk-amd64/lib/libnio.so"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const struct call_frame frame = {.function = known[i].function,
						 .file = known[i].file,
						 .module = known[i].module};

		assert_int_equal(call_layer_maker(&frame), known[i].maker);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_system_is_farthest),
		cmocka_unit_test(runtimes),
		cmocka_unit_test(libraries),
		cmocka_unit_test(go_by_the_first_part_of_the_path),
		cmocka_unit_test(code_of_jit_compilers),
		cmocka_unit_test(jit_is_a_name_without_a_file_and_a_module),
		cmocka_unit_test(makers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
