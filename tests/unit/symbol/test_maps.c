// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbol/maps.h"

static struct symbol_maps parse(const char *text)
{
	struct symbol_maps maps;

	assert_int_equal(symbol_maps_parse(&maps, text, strlen(text)), 0);
	return maps;
}

static void knows_kinds(void **state)
{
	struct symbol_maps maps = parse(
		"55d0c0a00000-55d0c0a01000 r--p 00000000 fe:00 1234                  /usr/bin/x\n"
		"55d0c0a01000-55d0c0a05000 r-xp 00001000 fe:00 1234                  /usr/bin/x\n"
		"7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
		"7f0000002000-7f0000003000 r-xp 00003000 00:2a 77     /a b\\012c (deleted)\n"
		"7f0000004000-7f0000005000 r-xs 00000000 00:01 9     /memfd:jit (deleted)\n"
		"7ffd1e5f2000-7ffd1e5f4000 r-xp 00000000 00:00 0                     [vdso]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0             [vsyscall]\n");
	const struct symbol_map *map;

	(void)state;
	assert_int_equal(maps.count, 6);
	assert_null(symbol_maps_find(&maps, 0x55d0c0a00fff));
	map = symbol_maps_find(&maps, 0x55d0c0a01000);
	assert_non_null(map);
	assert_int_equal(map->kind, MAP_FILE);
	assert_int_equal(map->inode, 1234);
	assert_int_equal(map->offset, 0x1000);
	assert_false(map->is_deleted);
	assert_string_equal(symbol_maps_path(&maps, map), "/usr/bin/x");
	assert_ptr_equal(symbol_maps_find(&maps, 0x55d0c0a04fff), map);
	assert_null(symbol_maps_find(&maps, 0x55d0c0a05000));
	map = symbol_maps_find(&maps, 0x7f0000000800);
	assert_int_equal(map->kind, MAP_ANONYMOUS);
	assert_string_equal(symbol_maps_path(&maps, map), "");
	map = symbol_maps_find(&maps, 0x7f0000002000);
	assert_int_equal(map->kind, MAP_FILE);
	assert_true(map->is_deleted);
	assert_string_equal(symbol_maps_path(&maps, map), "/a b\nc");
	assert_int_equal(symbol_maps_find(&maps, 0x7f0000004000)->kind, MAP_ANONYMOUS);
	map = symbol_maps_find(&maps, 0x7ffd1e5f2000);
	assert_int_equal(map->kind, MAP_ANONYMOUS);
	assert_string_equal(symbol_maps_path(&maps, map), "[vdso]");
	assert_null(symbol_maps_find(&maps, 0));
	assert_null(symbol_maps_find(&maps, UINT64_MAX));
	symbol_maps_clear(&maps);
}

static void leaves_out_nonsense(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"garbage\n",
		"1000-2000\n",
		"1000-2000 r-x\n",
		"1000-1000 r-xp 0 0:0 1 /empty\n",
		"2000-1000 r-xp 0 0:0 1 /backwards\n",
		"-2000 r-xp 0 0:0 1 /no-start\n",
		"11112222333344445-2000 r-xp 0 0:0 1 /too-long\n",
		"1000-2000 r-xp ffffffffffffffff 0:0 1 /offset\n",
		"1000-2000 r-xp 0 0:0 99999999999999999999999 /inode\n",
		"1000-2000 rw-p 0 0:0 1 /data\n",
		"1000-2000 r-xp 0 0:0 1 /no-end",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct symbol_maps maps = parse(lines[i]);

		if (maps.count)
			fail_msg("taken: %s", lines[i]);
		symbol_maps_clear(&maps);
	}
}

static void overlaps_do_not_come_in(void **state)
{
	struct symbol_maps maps = parse("1000-3000 r-xp 0 0:0 1 /a\n"
					"2000-4000 r-xp 0 0:0 2 /b\n"
					"500-800 r-xp 0 0:0 3 /c\n"
					"3000-4000 r-xp 0 0:0 4 /d\n");

	(void)state;
	assert_int_equal(maps.count, 2);
	assert_int_equal(symbol_maps_find(&maps, 0x2fff)->inode, 1);
	assert_int_equal(symbol_maps_find(&maps, 0x3000)->inode, 4);
	symbol_maps_clear(&maps);
}

static void long_paths_are_no_paths(void **state)
{
	char *text = malloc(1 << 20);
	struct symbol_maps maps;
	int len = sprintf(text, "1000-2000 r-xp 0 0:0 1 /");

	(void)state;
	memset(text + len, 'x', 1 << 19);
	strcpy(text + len + (1 << 19), "\n2000-3000 r-xp 0 0:0 2 /y\n");
	maps = parse(text);
	assert_int_equal(maps.count, 2);
	assert_int_equal(maps.maps[0].kind, MAP_ANONYMOUS);
	assert_string_equal(symbol_maps_path(&maps, &maps.maps[0]), "");
	assert_string_equal(symbol_maps_path(&maps, &maps.maps[1]), "/y");
	symbol_maps_clear(&maps);
	free(text);
}

static void no_more_than_its_limit(void **state)
{
	char *text = malloc(64 * (SYMBOL_MAPS_MAX + 10)), *at = text;
	struct symbol_maps maps;

	(void)state;
	for (unsigned int i = 1; i <= SYMBOL_MAPS_MAX + 10; i++)
		at += sprintf(at, "%x000-%x800 r-xp 0 0:0 1 /x\n", i, i);
	maps = parse(text);
	assert_int_equal(maps.count, SYMBOL_MAPS_MAX);
	symbol_maps_clear(&maps);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_kinds),
		cmocka_unit_test(leaves_out_nonsense),
		cmocka_unit_test(overlaps_do_not_come_in),
		cmocka_unit_test(long_paths_are_no_paths),
		cmocka_unit_test(no_more_than_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
