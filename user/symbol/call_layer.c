// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/call_layer.h"

#include <string.h>

#include "symbol/jit_name.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool is_known(const char *name)
{
	return name && *name;
}

static bool begins(const char *text, const char *with)
{
	return text && !strncmp(text, with, strlen(with));
}

static bool ends(const char *text, const char *with)
{
	size_t length = text ? strlen(text) : 0;

	return length >= strlen(with) && !strcmp(text + length - strlen(with), with);
}

static bool has(const char *text, const char *part)
{
	return text && strstr(text, part);
}

static bool begins_with_one(const char *text, const char *const *with, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (begins(text, with[i]))
			return true;
	return false;
}

static bool has_one(const char *text, const char *const *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has(text, parts[i]))
			return true;
	return false;
}

/* Whether the function is one of libc that makes a system call, calls main() or starts a thread. In
 * a static program it is in the program's own module. */
static bool is_system_function(const char *function)
{
	static const char *const names[] = {
		"accept",
		"accept4",
		"connect",
		"syscall",
		"sendto",
		"sendmsg",
		"clone",
		"clone3",
		"_start",
		"start_thread",
		"__clone",
		"__clone3",
		"__libc_start_main",
		"__accept",
		"__connect",
		"__accept4",
	};
	static const char *const prefixes[] = {"__libc_", "__GI_", "__syscall", "__pthread_",
					       "__internal_syscall"};

	if (!function)
		return false;
	for (size_t i = 0; i < COUNT(names); i++)
		if (!strcmp(function, names[i]))
			return true;
	return begins_with_one(function, prefixes, COUNT(prefixes));
}

static bool is_system_module(const char *module)
{
	static const char *const names[] = {"libc.so",	  "libc-2.",	 "libpthread", "ld-musl",
					    "ld-linux",	  "libc.musl",	 "linux-vdso", "[vdso]",
					    "[vsyscall]", "libsocket.so"};

	return module && begins_with_one(call_frame_base_name(module), names, COUNT(names));
}

static bool is_shared_library(const char *module)
{
	static const char *const folders[] = {"/usr/lib", "/lib/", "/lib64/", "/lib32/",
					      "/usr/local/lib"};

	return module && has(call_frame_base_name(module), ".so") &&
	       begins_with_one(module, folders, COUNT(folders));
}

/* Whether the base name is that of a program, with or without a version: "php8.2", "ruby". */
static bool is_program(const char *base, const char *program)
{
	return begins(base, program) &&
	       !base[strlen(program) + strspn(base + strlen(program), ".0123456789")];
}

/* Whether it is an interpreter of scripts or a module of one, such as "python3.11",
 * "libpython3.11.so.1.0" and "/usr/lib/php/20220829/mysqli.so". */
static bool is_interpreter(const char *module)
{
	static const char *const names[] = {"python2", "python3", "libpython",	"pypy",
					    "libpypy", "libruby", "libperl.so", "libphp",
					    "php-fpm", "php-cgi"};
	static const char *const programs[] = {"python", "ruby",   "perl",   "php",
					       "lua",	 "luajit", "php-fpm"};
	static const char *const folders[] = {"/perl/", "/perl5/", "/ruby/", "/php/", "/lua/"};
	const char *base = call_frame_base_name(module);

	for (size_t i = 0; i < COUNT(programs); i++)
		if (is_program(base, programs[i]))
			return true;
	return begins_with_one(base, names, COUNT(names)) || has(base, ".cpython-") ||
	       (is_shared_library(module) && has_one(module, folders, COUNT(folders)));
}

static bool is_java(const char *module)
{
	static const char *const names[] = {"libjvm.so", "libnet.so", "libnio.so", "libjava.so",
					    "libextnet.so"};
	const char *base = call_frame_base_name(module);

	return !strcmp(base, "java") || begins_with_one(base, names, COUNT(names));
}

static bool is_runtime_module(const char *module)
{
	static const char *const names[] = {"libnode.so", "libcoreclr", "libclrjit"};
	static const char *const programs[] = {"node", "nodejs", "dotnet", "beam.smp"};
	const char *base;

	if (!is_known(module))
		return false;
	base = call_frame_base_name(module);
	for (size_t i = 0; i < COUNT(programs); i++)
		if (!strcmp(base, programs[i]))
			return true;
	return is_interpreter(module) || is_java(module) ||
	       begins_with_one(base, names, COUNT(names));
}

/* Compilers split C functions into clones such as "io.part.0", which look like names of Go. */
static bool is_c_clone(const char *behind_dot)
{
	static const char *const suffixes[] = {"part.", "constprop.", "isra.",
					       "cold",	"lto_priv.",  "llvm."};

	return begins_with_one(behind_dot, suffixes, COUNT(suffixes));
}

/*
 * Finds functions of Go's standard library by the first part of the package's path: in other
 * packages that is a domain or "main". Returns LAYER_SOURCE for all other functions.
 */
static enum call_layer go_layer(const struct call_frame *frame)
{
	static const char *const plumbing[] = {"runtime", "syscall", "internal", "net",
					       "os",	  "sync",    "context",	 "reflect"};
	static const char *const others[] = {
		"archive", "bufio",  "bytes",	 "compress", "container", "crypto", "database",
		"debug",   "embed",  "encoding", "errors",   "expvar",	  "flag",   "fmt",
		"go",	   "hash",   "html",	 "image",    "index",	  "io",	    "iter",
		"log",	   "maps",   "math",	 "mime",     "path",	  "plugin", "regexp",
		"slices",  "sort",   "strconv",	 "strings",  "testing",	  "text",   "time",
		"unicode", "unique", "vendor",	 "cmp",	     "weak",
	};
	const char *function = frame->function;
	size_t length = function ? strcspn(function, "./") : 0;
	bool is_path = length && function[length] == '/';

	if (!length || !function[length] ||
	    (is_known(frame->file) && !ends(frame->file, ".go") && !ends(frame->file, ".s")) ||
	    is_c_clone(function + length + 1))
		return LAYER_SOURCE;
	for (size_t i = 0; i < COUNT(plumbing); i++)
		if (strlen(plumbing[i]) == length && !strncmp(function, plumbing[i], length))
			/* net/http and the like say what the connection is for. */
			return is_path && !strcmp(plumbing[i], "net") ? LAYER_LIBRARY
								      : LAYER_RUNTIME;
	for (size_t i = 0; i < COUNT(others); i++)
		if (strlen(others[i]) == length && !strncmp(function, others[i], length))
			return LAYER_LIBRARY;
	return LAYER_SOURCE;
}

/* Whether the source file came with the system, a compiler or a package manager. */
static bool is_library_file(const char *file)
{
	static const char *const folders[] = {"/usr/include/", "/usr/lib/", "/usr/src/",
					      "/usr/local/include/", "/usr/local/lib/"};
	static const char *const parts[] = {"/.cargo/registry/", "/cargo/registry/src/",
					    "/.cargo/git/",	 "/pkg/mod/",
					    "/site-packages/",	 "/dist-packages/",
					    "/node_modules/",	 "/.rustup/toolchains/"};

	return begins_with_one(file, folders, COUNT(folders)) || has_one(file, parts, COUNT(parts));
}

static bool is_runtime_file(const char *file)
{
	return begins(file, "/rustc/") || has(file, "/libstdc++-v3/") || has(file, "/c++/v1/") ||
	       begins(file, "/usr/include/c++/") || begins(file, "library/std/src/");
}

/* Whether the Rust type or trait is of the standard library: "std::net::TcpStream", "&mut
 * [core::.." */
static bool is_rust_standard(const char *type)
{
	static const char *const signs[] = {"&",    "[",    "(",       "'_ ",
					    "mut ", "dyn ", "*const ", "*mut "};
	static const char *const crates[] = {"std::", "core::", "alloc::"};

	for (size_t i = 0; i < COUNT(signs); i++)
		if (begins(type, signs[i])) {
			type += strlen(signs[i]);
			i = (size_t)-1;
		}
	return begins_with_one(type, crates, COUNT(crates));
}

/* "<std::net::TcpStream as acme::Keep>::keep" is a function of acme. */
static bool is_rust_runtime(const char *function)
{
	unsigned int depth = 0;

	if (!begins(function, "<") || !is_rust_standard(function + 1))
		return false;
	for (const char *at = function + 1; *at; at++) {
		if (!depth && begins(at, " as "))
			return is_rust_standard(at + strlen(" as "));
		if (*at == '<')
			depth++;
		else if (*at == '>' && at[-1] != '-' && !depth--)
			break;
	}
	return true;
}

static bool is_runtime_function(const char *function)
{
	static const char *const prefixes[] = {
		"std::",      "core::",	 "alloc::",	      "__gnu_cxx::",
		"void std::", "__rust_", "rust_begin_unwind", "_rust_",
		"__rustc"};

	return is_rust_runtime(function) || begins_with_one(function, prefixes, COUNT(prefixes));
}

bool call_layer_is_jit(const struct call_frame *frame)
{
	const char *base = frame->module ? call_frame_base_name(frame->module) : NULL;

	return is_known(frame->function) && !is_known(frame->file) &&
	       (!is_known(base) || (begins(base, "perf-") && ends(base, ".map")));
}

static enum call_layer jit_layer(const struct call_frame *frame)
{
	static const char *const engine[] = {
		"Builtin:", "BytecodeHandler:", "Stub:", "RegExp:", "Interpreter", "StubRoutines",
		"v~",	    "call_stub",	"vtable"};
	struct jit_name name;

	if (begins_with_one(frame->function, engine, COUNT(engine)))
		return LAYER_RUNTIME;
	jit_name_read(frame->function, &name);
	return name.standard || is_library_file(name.file) ? LAYER_LIBRARY : LAYER_SOURCE;
}

enum call_layer call_layer_of(const struct call_frame *frame)
{
	enum call_layer go;

	if ((!is_known(frame->function) && !is_known(frame->module)) ||
	    is_system_module(frame->module) || is_system_function(frame->function))
		return LAYER_SYSTEM;
	if (call_layer_is_jit(frame))
		return jit_layer(frame);
	if (is_runtime_module(frame->module) || is_runtime_file(frame->file) ||
	    is_runtime_function(frame->function))
		return LAYER_RUNTIME;
	go = go_layer(frame);
	if (go != LAYER_SOURCE)
		return go;
	if (is_library_file(frame->file) || is_shared_library(frame->module))
		return LAYER_LIBRARY;
	return is_known(frame->file) ? LAYER_SOURCE : LAYER_PROGRAM;
}

enum call_maker call_layer_maker(const struct call_frame *frame)
{
	static const char *const rust[] = {"<", "core::", "alloc::"};

	if (is_known(frame->module) && is_interpreter(frame->module))
		return MAKER_INTERPRETER;
	if (is_known(frame->module) && is_java(frame->module))
		return MAKER_JAVA;
	if (ends(frame->file, ".go"))
		return MAKER_GO;
	if (ends(frame->file, ".rs") || begins_with_one(frame->function, rust, COUNT(rust)))
		return MAKER_RUST;
	return MAKER_COMPILER;
}
