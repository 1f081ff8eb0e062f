// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "host/netns_mount.h"

static void mounts_are_read(void **state)
{
	static const struct {
		const char *line, *path;
		uint32_t inode;
	} good[] = {
		{"36 35 0:4 net:[4026532315] /run/netns/blue rw shared:12 - nsfs nsfs rw\n",
		 "/run/netns/blue", 4026532315},
		{"400 35 0:4 net:[7] /run/docker/netns/1-ab rw - nsfs nsfs rw",
		 "/run/docker/netns/1-ab", 7},
		{"36 35 0:4 net:[8] /a\\040b\\134c\\011d rw - nsfs nsfs rw\n", "/a b\\c\td", 8},
		{"36 35 0:4 net:[8] /a\\04 rw - nsfs nsfs rw\n", "/a\\04", 8},
	};
	char path[NETNS_MOUNT_PATH];
	uint32_t inode;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(netns_mount_parse(good[i].line, &inode, path));
		assert_int_equal(inode, good[i].inode);
		assert_string_equal(path, good[i].path);
	}
}

static void other_lines_are_not(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"36",
		"24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n",
		"36 35 0:4 mnt:[4026532315] /run/snapd/ns/lxd.mnt rw - nsfs nsfs rw\n",
		"36 35 0:4 net:[] /run/netns/blue rw - nsfs nsfs rw\n",
		"36 35 0:4 net:[7 /run/netns/blue rw - nsfs nsfs rw\n",
		"36 35 0:4 net:[7]",
		"36 35 0:4 net:[7]/run/netns/blue rw - nsfs nsfs rw\n",
		"36 35 0:4 net:[7] \n",
		"36 35 04 net:[7] /run/netns/blue rw - nsfs nsfs rw\n",
	};
	char line[NETNS_MOUNT_PATH * 2], path[NETNS_MOUNT_PATH] = "untouched";
	uint32_t inode = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(netns_mount_parse(bad[i], &inode, path));
	assert_int_equal(inode, 1);
	snprintf(line, sizeof(line), "36 35 0:4 net:[7] /%0*d rw", NETNS_MOUNT_PATH - 1, 0);
	assert_false(netns_mount_parse(line, &inode, path)); /* too long */
	snprintf(line, sizeof(line), "36 35 0:4 net:[7] /%0*d rw", NETNS_MOUNT_PATH - 2, 0);
	assert_true(netns_mount_parse(line, &inode, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_are_read),
		cmocka_unit_test(other_lines_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
