// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/name.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/call_frame.h"
#include "symbol/rust.h"

/* Longer names stay mangled, since they come from other users' files. */
#define MANGLED_MAX 2048

#define HASH_LEN (sizeof("::h0123456789abcdef") - 1)

/* From the C++ runtime, which has no C header for it. */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

static bool is_hash(const char *text)
{
	if (strncmp(text, "::h", 3) != 0)
		return false;
	return strspn(text + 3, "0123456789abcdef") == HASH_LEN - 3;
}

/* Rust's old scheme writes characters that C++ names cannot have as $..$, and `::` as two dots. */
static void unescape_rust(char *name)
{
	static const struct {
		const char *code;
		char means;
	} escapes[] = {{"$LT$", '<'},  {"$GT$", '>'},	{"$RF$", '&'},	{"$BP$", '*'},
		       {"$LP$", '('},  {"$RP$", ')'},	{"$C$", ','},	{"$SP$", '@'},
		       {"$u20$", ' '}, {"$u27$", '\''}, {"$u5b$", '['}, {"$u5d$", ']'},
		       {"$u7b$", '{'}, {"$u7d$", '}'},	{"$u7e$", '~'}};
	char *to = name;

	for (const char *from = name; *from;) {
		size_t len = 0;

		for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]) && !len; i++) {
			if (strncmp(from, escapes[i].code, strlen(escapes[i].code)) != 0)
				continue;
			len = strlen(escapes[i].code);
			*to++ = escapes[i].means;
		}
		if (!len && from[0] == '.' && from[1] == '.') {
			*to++ = ':';
			*to++ = ':';
			len = 2;
		} else if (!len && from[0] == '_' && from[1] == '$') {
			len = 1;
		} else if (!len) {
			*to++ = *from;
			len = 1;
		}
		from += len;
	}
	*to = '\0';
}

static void cut_rust(char *name)
{
	size_t len = strlen(name);

	if (len <= HASH_LEN || !is_hash(name + len - HASH_LEN))
		return;
	name[len - HASH_LEN] = '\0';
	unescape_rust(name);
}

static void cut_version(char *name)
{
	char *at = strchr(name + 1, '@');

	if (at && (at[1] == '@' || (at[1] >= 'A' && at[1] <= 'Z')))
		*at = '\0';
}

/* A clone that the compiler made of a function is shown by the function's name. */
static void cut_clone(char *name)
{
	static const char *const clones[] = {" [clone ", ".isra.", ".constprop.", ".part.",
					     ".lto_priv."};

	for (size_t i = 0; i < sizeof(clones) / sizeof(clones[0]); i++) {
		char *at = strstr(name, clones[i]);
		const char *next = at ? at + strlen(clones[i]) : "";

		if (at && at != name && ((*next >= '0' && *next <= '9') || *next == '.'))
			*at = '\0';
	}
}

static void copy(char name[SYMBOL_NAME_LEN], const char *from)
{
	size_t len = strnlen(from, SYMBOL_NAME_LEN - 1);

	memcpy(name, from, len);
	name[len] = '\0';
}

void symbol_name_write(char name[SYMBOL_NAME_LEN], const char *mangled)
{
	char *demangled = NULL;
	int status = -1;

	if (symbol_rust_write(name, SYMBOL_NAME_LEN, mangled))
		return;
	if (!strncmp(mangled, "_Z", 2) && strnlen(mangled, MANGLED_MAX) < MANGLED_MAX)
		demangled = __cxa_demangle(mangled, NULL, NULL, &status);
	if (demangled && !status) {
		cut_rust(demangled);
		copy(name, demangled);
	} else {
		copy(name, mangled);
		if (*name)
			cut_version(name);
	}
	cut_clone(name);
	free(demangled);
}

bool symbol_name_is_start(const char *name)
{
	static const char *const starts[] = {"main",
					     "_start",
					     "__libc_start_main",
					     "__libc_start_call_main",
					     "start_thread",
					     "clone",
					     "clone3",
					     "__clone",
					     "__clone3",
					     "thread_start",
					     "runtime.goexit",
					     "runtime.main",
					     "runtime.rt0_go",
					     "runtime.mstart",
					     "runtime.mcall",
					     "__libc_start_main_impl",
					     "_dl_start_user",
					     "libc_start_main_stage2",
					     "__thread_start"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (!strcmp(name, starts[i]))
			return true;
	return !strncmp(name, "runtime.goexit.", 15) || !strncmp(name, "runtime.rt0_go.", 15);
}

bool symbol_module_is_start(const char *path)
{
	static const char *const names[] = {"libc.so", "libc-2.", "libpthread", "ld-musl-"};
	const char *base = call_frame_base_name(path);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	return false;
}
