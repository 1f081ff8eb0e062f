// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/cgroup_path.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The text is on the heap, in a block of its exact length, so that the sanitizers find reads behind
 * it. */
static int parse(const char *text, char path[CGROUP_PATH_LEN])
{
	size_t size = strlen(text);
	char *exact = malloc(size ? size : 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, text, size);
	memset(path, 'x', CGROUP_PATH_LEN);
	err = cgroup_path_parse(exact, size, path);
	free(exact);
	assert_true(strnlen(path, CGROUP_PATH_LEN) < CGROUP_PATH_LEN);
	return err;
}

static void check(const char *text, const char *wanted)
{
	char path[CGROUP_PATH_LEN];

	assert_int_equal(parse(text, path), 0);
	assert_string_equal(path, wanted);
}

static void check_none(const char *text)
{
	char path[CGROUP_PATH_LEN];

	assert_int_equal(parse(text, path), -ENOENT);
	assert_string_equal(path, "");
}

static void the_line_of_version_2_counts(void **state)
{
	(void)state;
	check("0::/\n", "/");
	check("0::/system.slice/ssh.service\n", "/system.slice/ssh.service");
	check("0::/no/line/end", "/no/line/end");
	check("12:pids:/a\n1:name=systemd:/b\n0::/c\n", "/c");
	check("1:cpu:/x0::/y\n0::/a:b 0::/z\n", "/a:b 0::/z");
	/* It is in another cgroup namespace. */
	check("0::/../../other.scope\n", "/../../other.scope");
}

static void without_it_there_is_none(void **state)
{
	(void)state;
	check_none("");
	check_none("\n\n");
	check_none("0::");
	check_none("0::\n");
	check_none("1:name=systemd:/b\n");
	check_none("10::/b\n");
}

/* A cgroup that is created anew under the same path has the same series. */
static void a_removed_one_keeps_its_path(void **state)
{
	(void)state;
	check("0::/a.service (deleted)\n", "/a.service");
	check("0::/a (deleted)/b\n", "/a (deleted)/b");
	check("0:: (deleted)\n", " (deleted)");
}

static void the_end_of_a_long_path_stays(void **state)
{
	char text[3 * CGROUP_PATH_LEN], path[CGROUP_PATH_LEN];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "0::/", 4);
	memcpy(text + sizeof(text) - 6, "/end\n", 6);
	assert_int_equal(parse(text, path), 0);
	assert_int_equal(strlen(path), CGROUP_PATH_LEN - 1);
	assert_string_equal(path + CGROUP_PATH_LEN - 5, "/end");
	/* The longest path that fits. */
	memset(text, 'a', sizeof(text));
	memcpy(text, "0::/", 4);
	memcpy(text + 3 + CGROUP_PATH_LEN - 1, "\n", 2);
	assert_int_equal(parse(text, path), 0);
	assert_int_equal(strlen(path), CGROUP_PATH_LEN - 1);
	assert_true(*path == '/');
}

static void our_own_is_found_and_that_of_the_dead_is_not(void **state)
{
	char path[CGROUP_PATH_LEN], line[CGROUP_PATH_LEN + 8] = "", wanted[CGROUP_PATH_LEN] = "";
	FILE *file = fopen("/proc/self/cgroup", "re");
	pid_t child;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::", 3))
			snprintf(wanted, sizeof(wanted), "%.*s", (int)strcspn(line + 3, "\n"),
				 line + 3);
	fclose(file);
	assert_int_equal(cgroup_path_read((uint32_t)getpid(), path), *wanted ? 0 : -ENOENT);
	assert_string_equal(path, wanted);

	child = fork();
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(cgroup_path_read((uint32_t)child, path) < 0);
	assert_string_equal(path, "");
}

static void check_container(const char *path, const char *wanted)
{
	char container[CGROUP_CONTAINER_LEN];

	cgroup_container(path, container);
	assert_string_equal(container, wanted);
}

static void containers_are_known_by_64_digits(void **state)
{
	(void)state;
	check_container("/docker/" ID, ID);
	check_container("/system.slice/docker-" ID ".scope", ID);
	check_container("/kubepods.slice/cri-containerd:" ID "/init", ID);
	check_container("/docker/" ID "0", "");
	check_container("/docker/x" ID, "");
	check_container("/", "");
	check_container("", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_of_version_2_counts),
		cmocka_unit_test(without_it_there_is_none),
		cmocka_unit_test(a_removed_one_keeps_its_path),
		cmocka_unit_test(the_end_of_a_long_path_stays),
		cmocka_unit_test(our_own_is_found_and_that_of_the_dead_is_not),
		cmocka_unit_test(containers_are_known_by_64_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
