// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as the name of a symbol and as a name in a perf map. Reading one must end soon,
 * whatever it stands for; what was taken out of a name must be inside it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "symbol/call_site.h"
#include "symbol/jit_name.h"
#include "symbol/name.h"
#include "symbol/rust.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void try_rust(const char *mangled)
{
	char name[64] = "untouched";
	uint64_t before = clock_now();

	if (symbol_rust_write(name, sizeof(name), mangled))
		CHECK(strnlen(name, sizeof(name)) < sizeof(name));
	else
		CHECK(!strcmp(name, "untouched"));
	CHECK(clock_now() - before < 10 * NS_PER_S);
}

static void try_jit(const char *name)
{
	struct jit_name read;

	jit_name_read(name, &read);
	CHECK(read.function_length <= strlen(read.function));
	if (!read.file)
		return;
	CHECK(read.file > name && read.file <= name + strlen(name));
	CHECK(read.file_length <= strlen(read.file));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[SYMBOL_NAME_LEN], text[CALL_FRAME_TEXT_LEN];
	struct call_frame frame = {.function = name};
	char *symbol = malloc(size + 1);

	CHECK(symbol);
	memcpy(symbol, data, size);
	symbol[size] = '\0';
	try_rust(symbol);
	symbol_name_write(name, symbol);
	CHECK(strnlen(name, sizeof(name)) < sizeof(name));
	try_jit(symbol);
	CHECK(strlen(call_frame_format(&frame, text)) < sizeof(text));
	frame.module = "/srv/app";
	CHECK(strlen(call_frame_format(&frame, text)) < sizeof(text));
	free(symbol);
	return 0;
}
