// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* How a stack is shown to people: where it begins for them, and in which words. */
#include "events.h"

#include "symbol/call_layer.h"
#include "symbol/call_site.h"
#include "base/utf8.h"

#define LIBC "/usr/lib/x86_64-linux-gnu/libc.so.6"

struct place {
	const char *says;
	enum event_stack_how how;
	struct call_frame frames[14];
};

static size_t count_of(const struct place *place)
{
	size_t count = 0;

	while (count < ARRAY_SIZE(place->frames) &&
	       (place->frames[count].ip || place->frames[count].function))
		count++;
	return count;
}

#define F(name, path, number, of)                                                                  \
	{                                                                                          \
		.ip = 0x1000, .function = name, .offset = 0x1a, .file = path, .line = number,      \
		.module = of                                                                       \
	}
/* Without debug information. */
#define G(name, of) F(name, NULL, 0, of)

static const struct place places[] = {
	/* A C server with debug information; libc has it, too. */
	{"accepted at handle_conn (server.c:118) <- worker_main (server.c:240)",
	 STACK_ACCEPT,
	 {F("__libc_accept", "../sysdeps/unix/sysv/linux/accept.c", 26, LIBC), G("accept4", LIBC),
	  F("handle_conn", "/src/server/server.c", 118, "/srv/server"),
	  F("worker_main", "/src/server/server.c", 240, "/srv/server"), G("start_thread", LIBC),
	  G("clone3", LIBC)}},
	/* The same without debug information, then stripped, then statically linked. */
	{"accepted at handle_conn+0x1a (server) <- worker_main+0x1a (server)",
	 STACK_ACCEPT,
	 {G("accept4", LIBC), G("handle_conn", "/srv/server"), G("worker_main", "/srv/server"),
	  G("start_thread", LIBC)}},
	{"connected at server+0x1a <- server+0x1a",
	 STACK_CONNECT,
	 {G("__connect", LIBC), G(NULL, "/srv/server"), G(NULL, "/srv/server"),
	  G("__libc_start_main", LIBC)}},
	{"connected at dial (app.c:7) <- main (app.c:20)",
	 STACK_CONNECT,
	 {G("__internal_syscall_cancel", "/srv/app"), G("__libc_connect", "/srv/app"),
	  F("dial", "app.c", 7, "/srv/app"), F("main", "app.c", 20, "/srv/app"),
	  G("__libc_start_call_main", "/srv/app"), G("_start", "/srv/app")}},
	/* musl; then a thread with no frame but libc's; then nothing known. */
	{"accepted at serve (s.c:3)",
	 STACK_ACCEPT,
	 {G("accept", "/lib/ld-musl-x86_64.so.1"), F("serve", "s.c", 3, "/srv/s")}},
	{"connected at __connect+0x1a (libc.so.6)", STACK_CONNECT, {G("__connect", LIBC)}},
	{"connected at 0x1000", STACK_CONNECT, {{.ip = 0x1000}}},
	/* A reader does not begin at a library of the system. */
	{"connected at fetch_all (main.c:31) <- main (main.c:60)",
	 STACK_CONNECT,
	 {G("__connect", LIBC),
	  G("Curl_socket_connect", "/usr/lib/x86_64-linux-gnu/libcurl.so.4.8.0"),
	  G("curl_easy_perform", "/usr/lib/x86_64-linux-gnu/libcurl.so.4.8.0"),
	  F("fetch_all", "/home/a/main.c", 31, "/home/a/crawl"),
	  F("main", "/home/a/main.c", 60, "/home/a/crawl")}},
	/* A frame with a source file comes before the program's own library without debug
	   information. */
	{"connected at main (main.c:60)",
	 STACK_CONNECT,
	 {G("__connect", LIBC), G("pool_get", "/srv/app/libpool.so.1"),
	  F("main", "/home/a/main.c", 60, "/srv/app/crawl")}},
	/* Go: the caller waits for dialing. */
	{"connected at main.(*client).fetch (client.go:44) <- main.main (main.go:19)",
	 STACK_CONNECT,
	 {F("syscall.Syscall", "/usr/lib/go-1.19/src/syscall/syscall_linux.go", 68, "/srv/fetch"),
	  F("syscall.connect", "/usr/lib/go-1.19/src/syscall/zsyscall_linux_amd64.go", 1460,
	    "/srv/fetch"),
	  F("net.(*netFD).connect", "/usr/lib/go-1.19/src/net/fd_unix.go", 59, "/srv/fetch"),
	  F("net.(*sysDialer).dialTCP", "/usr/lib/go-1.19/src/net/tcpsock_posix.go", 61,
	    "/srv/fetch"),
	  F("net.Dial", "/usr/lib/go-1.19/src/net/dial.go", 340, "/srv/fetch"),
	  F("github.com/acme/pool.Get", "/root/go/pkg/mod/github.com/acme/pool@v1.2.3/pool.go", 12,
	    "/srv/fetch"),
	  F("main.(*client).fetch", "/home/a/fetch/client.go", 44, "/srv/fetch"),
	  F("main.main", "/home/a/fetch/main.go", 19, "/srv/fetch"),
	  F("runtime.main", "/usr/lib/go-1.19/src/runtime/proc.go", 250, "/srv/fetch"),
	  F("runtime.goexit", "/usr/lib/go-1.19/src/runtime/asm_amd64.s", 1594, "/srv/fetch")}},
	/* Go: net/http dials in a goroutine of its own, whose stack has no frame of the program. */
	{"connected at net/http.(*Transport).dial (transport.go:1177)"
	 " <- net/http.(*Transport).dialConn (transport.go:1615)"
	 " <- net/http.(*Transport).dialConnFor (transport.go:1457)",
	 STACK_CONNECT,
	 {F("syscall.connect", "syscall/zsyscall_linux_amd64.go", 1460, "/srv/fetch"),
	  F("net.(*netFD).connect", "net/fd_unix.go", 59, "/srv/fetch"),
	  F("net.(*Dialer).DialContext", "net/dial.go", 428, "/srv/fetch"),
	  F("net/http.(*Transport).dial", "net/http/transport.go", 1177, "/srv/fetch"),
	  F("net/http.(*Transport).dialConn", "net/http/transport.go", 1615, "/srv/fetch"),
	  F("net/http.(*Transport).dialConnFor", "net/http/transport.go", 1457, "/srv/fetch"),
	  F("runtime.goexit", "runtime/asm_amd64.s", 1594, "/srv/fetch")}},
	/* Without DWARF (-ldflags=-w). */
	{"accepted at main.serve+0x1a (srv)",
	 STACK_ACCEPT,
	 {G("syscall.accept4", "/srv/srv"), G("internal/poll.(*FD).Accept", "/srv/srv"),
	  G("net.(*TCPListener).Accept", "/srv/srv"), G("main.serve", "/srv/srv"),
	  G("runtime.goexit", "/srv/srv")}},
	/* A C function whose name begins with that of a Go package is no Go function. */
	{"accepted at net.part.0 (net.c:5)", STACK_ACCEPT, {F("net.part.0", "net.c", 5, "/srv/a")}},
	{"accepted at io.isra.0+0x1a (a)", STACK_ACCEPT, {G("io.isra.0", "/srv/a")}},
	/* C++ with asio, which has all its code in headers. */
	{"accepted at session::start (session.cpp:88) <- main (main.cpp:12)",
	 STACK_ACCEPT,
	 {G("accept", LIBC),
	  F("boost::asio::detail::socket_ops::accept(int, void*, unsigned long*, "
	    "boost::system::error_code&)",
	    "/usr/include/boost/asio/detail/impl/socket_ops.ipp", 98, "/srv/chat"),
	  F("std::function<void (int)>::operator()(int) const",
	    "/usr/include/c++/12/bits/std_function.h", 591, "/srv/chat"),
	  F("session::start(std::shared_ptr<server>, int)", "/home/a/session.cpp", 88, "/srv/chat"),
	  F("main", "/home/a/main.cpp", 12, "/srv/chat")}},
	/* Rust: std is the runtime, crates are libraries. */
	{"connected at shop::db::connect (db.rs:31) <- shop::main (main.rs:9)",
	 STACK_CONNECT,
	 {G("connect", LIBC),
	  F("std::sys_common::net::TcpStream::connect",
	    "/rustc/9fc6b431/library/std/src/sys_common/net.rs", 224, "/srv/shop"),
	  F("mio::net::tcp::stream::TcpStream::connect",
	    "/root/.cargo/registry/src/github.com-1ecc6299db9ec823/mio-0.8.8/src/net/tcp/stream.rs",
	    81, "/srv/shop"),
	  F("shop::db::connect", "src/db.rs", 31, "/srv/shop"),
	  F("shop::main", "src/main.rs", 9, "/srv/shop"),
	  G("core::ops::function::FnOnce::call_once", "/srv/shop"), G("main", "/srv/shop")}},
	/* Python without perf maps: there is only the interpreter. */
	{"connected at internal_connect+0x1a (python3.11) <- _PyEval_EvalFrameDefault+0x1a (python3.11)",
	 STACK_CONNECT,
	 {G("connect", LIBC), G("internal_connect", "/usr/bin/python3.11"),
	  G("_PyEval_EvalFrameDefault", "/usr/bin/python3.11"), G("__libc_start_main", LIBC)}},
	/* Python with perf maps: there are the program's functions. */
	{"connected at fetch (app.py) <- main (app.py)",
	 STACK_CONNECT,
	 {G("connect", LIBC), G("sock_connect", "/usr/bin/python3.12"),
	  G("py::create_connection:/usr/lib/python3.12/socket.py", "/tmp/perf-77.map"),
	  G("_PyEval_EvalFrameDefault", "/usr/bin/python3.12"),
	  G("py::get:/srv/venv/lib/python3.12/site-packages/requests/api.py", NULL),
	  G("py::fetch:/srv/app.py", NULL), G("_PyEval_Vector", "/usr/bin/python3.12"),
	  G("py::main:/srv/app.py", "/tmp/perf-77.map"), G("py::<module>:<frozen runpy>", NULL)}},
	/* Node and Java with perf maps. */
	{"accepted at onConnection (app.js:12)",
	 STACK_ACCEPT,
	 {G("accept4", LIBC), G("uv__accept", "/usr/bin/node"), G("Builtin:CallFunction", NULL),
	  G("JS:~emit node:events:466:44", NULL), G("JS:*onConnection /srv/app.js:12:3", NULL)}},
	{"connected at com.acme.Shop.fetch",
	 STACK_CONNECT,
	 {G("connect", LIBC), G("NET_Connect", "/usr/lib/jvm/lib/libnet.so"),
	  G("void java.net.Socket.connect(java.net.SocketAddress)", NULL),
	  G("void com.acme.Shop.fetch(java.lang.String)", NULL),
	  G("JavaCalls::call_helper", "/usr/lib/jvm/lib/server/libjvm.so")}},
	/* What a method returns does not say whose it is. */
	{"connected at com.acme.Orders.get <- com.acme.Main.main",
	 STACK_CONNECT,
	 {G("connect", LIBC), G("Java_sun_nio_ch_Net_connect0", "/usr/lib/jvm/lib/libnio.so"),
	  G("void java.net.Socket.connect(java.net.SocketAddress, int)", NULL),
	  G("com.acme.Order com.acme.Orders.get(java.lang.String, int)", NULL),
	  G("void com.acme.Main.main(java.lang.String[])", NULL)}},
	{"connected at com.acme.Orders.get <- com.acme.Main.main",
	 STACK_CONNECT,
	 {G("connect", LIBC), G("com.acme.Order java.util.Optional.get()", NULL),
	  G("java.util.List com.acme.Orders.get(java.lang.String, int)", NULL),
	  G("void com.acme.Main.main(java.lang.String[])", NULL)}},
};

static void sites_begin_at_the_program(void **state)
{
	char text[CALL_SITE_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct call_stack stack = {.frames = places[i].frames,
						 .count = count_of(&places[i]),
						 .how = places[i].how};

		assert_string_equal(call_site_format(&stack, text), places[i].says);
	}
}

static void three_frames_are_enough(void **state)
{
	static const struct call_frame frames[] = {F("a", "x.c", 1, "/x"), F("b", "x.c", 2, "/x"),
						   F("c", "x.c", 3, "/x"), F("d", "x.c", 4, "/x")};
	const struct call_stack stack = {.frames = frames, .count = 4, .how = STACK_ACCEPT};
	char text[CALL_SITE_TEXT_LEN];

	(void)state;
	assert_string_equal(call_site_format(&stack, text),
			    "accepted at a (x.c:1) <- b (x.c:2) <- c (x.c:3)");
	assert_ptr_equal(call_site_frame(&stack), &frames[0]);
}

/* Compilers make code without a line. Its file is still known. */
static void line_0_is_none(void **state)
{
	const struct call_frame frames[] = {F("f", "/a/x.c", 0, "/a"), F(NULL, "/a/x.c", 0, "/a"),
					    F(NULL, "/a/x.c", 7, "/a")};
	char text[CALL_FRAME_TEXT_LEN];

	(void)state;
	assert_string_equal(call_frame_format(&frames[0], text), "f (x.c)");
	assert_string_equal(call_frame_format(&frames[1], text), "x.c");
	assert_string_equal(call_frame_format(&frames[2], text), "x.c:7");
}

static void no_frames_are_no_site(void **state)
{
	const struct call_stack stack = {.how = STACK_ACCEPT};
	char text[CALL_SITE_TEXT_LEN];

	(void)state;
	assert_string_equal(call_site_format(&stack, text), "");
	assert_null(call_site_frame(&stack));
}

static void parameters_are_left_out(void **state)
{
	static const char *const functions[][2] = {
		{"f(int)", "f (a.cc:1)"},
		{"a::b(std::function<void (int)>)", "a::b (a.cc:1)"},
		{"a::b() const", "a::b (a.cc:1)"},
		{"a::operator()", "a::operator() (a.cc:1)"},
		{"a::operator()(int) const", "a::operator() (a.cc:1)"},
		{"(anonymous namespace)::f(char)", "(anonymous namespace)::f (a.cc:1)"},
		{"main.(*server).handle", "main.(*server).handle (a.cc:1)"},
		{"broken)", "broken) (a.cc:1)"},
		{"()", "() (a.cc:1)"},
		{"", "a.cc:1"},
	};
	char text[CALL_FRAME_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		const struct call_frame frame = F(functions[i][0], "/src/a.cc", 1, "/a");

		assert_string_equal(call_frame_format(&frame, text), functions[i][1]);
	}
}

/* For all names: no text is longer than its buffer, and characters stay whole. */
static void long_names_are_cut(void **state)
{
	char text[CALL_FRAME_TEXT_LEN], site[CALL_SITE_TEXT_LEN];
	char function[4000], path[4000];

	(void)state;
	for (size_t length = 1; length < sizeof(function) - 3; length += length < 200 ? 1 : 977) {
		struct call_frame frames[4];
		const struct call_stack stack = {
			.frames = frames, .count = 4, .how = STACK_CONNECT};

		for (size_t i = 0; i < length; i++)
			function[i] = "\xc3\xa9"[i % 2];
		function[length - length % 2] = '\0';
		memset(path, 'p', length);
		path[length] = '\0';
		for (size_t i = 0; i < 4; i++)
			frames[i] = (struct call_frame)F(function, path, UINT32_MAX, path);
		assert_true(strlen(call_frame_format(&frames[0], text)) < sizeof(text) - 1);
		assert_true(strlen(call_site_format(&stack, site)) < sizeof(site) - 1);
		for (const char *c = text; *c; c += utf8_sequence(c))
			assert_int_not_equal(utf8_sequence(c), 0);
		frames[0] = (struct call_frame){
			.function = function, .offset = UINT64_MAX, .module = path};
		assert_true(strlen(call_frame_format(&frames[0], text)) < sizeof(text) - 1);
		if (length < 20)
			assert_non_null(strstr(text, function));
		else if (length > 60)
			assert_non_null(strstr(text, "..."));
	}
}

static void base_names_are_the_last_part(void **state)
{
	(void)state;
	assert_string_equal(call_frame_base_name("/a/b.c"), "b.c");
	assert_string_equal(call_frame_base_name("b.c"), "b.c");
	assert_string_equal(call_frame_base_name("/a/"), "/a/");
	assert_string_equal(call_frame_base_name(""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sites_begin_at_the_program),
		cmocka_unit_test(three_frames_are_enough),
		cmocka_unit_test(line_0_is_none),
		cmocka_unit_test(no_frames_are_no_site),
		cmocka_unit_test(parameters_are_left_out),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(base_names_are_the_last_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
