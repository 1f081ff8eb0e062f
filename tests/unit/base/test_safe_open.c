// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/safe_open.h"

static char folder[64];

static int folder_make(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test-safe-open-XXXXXX");
	return mkdtemp(folder) && !chdir(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return chdir("/") || system(command) ? -1 : 0;
}

static void file_make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void opens(const char *path, enum safe_open_kind kind)
{
	int fd = safe_open(path, kind);

	if (fd < 0)
		fail_msg("%s: %s", path, safe_open_problem(fd));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void refuses(const char *path, enum safe_open_kind kind, int err)
{
	assert_int_equal(safe_open(path, kind), err);
}

static void files_and_links(void **state)
{
	(void)state;
	file_make("file", "text");
	assert_false(mkdir("inner", 0700) || symlink("../file", "inner/up") ||
		     symlink("inner/up", "twice") || symlink("inner", "folder") ||
		     symlink("loop", "loop") || symlink("none", "dangling"));
	for (int i = 0; i < 2; i++) {
		enum safe_open_kind kind = i ? SAFE_OPEN_STREAM : SAFE_OPEN_FILE;

		opens("file", kind);
		opens("./inner//../file", kind);
		opens("twice", kind);
		opens("folder/up", kind);
		opens("/proc/self/cwd/file", kind);
		opens("/proc/self/status", kind);
		refuses("", kind, -ENOENT);
		refuses("none", kind, -ENOENT);
		refuses("dangling", kind, -ENOENT);
		refuses("none/file", kind, -ENOENT);
		refuses("file/file", kind, -ENOTDIR);
		refuses("loop", kind, -ELOOP);
		refuses("inner", kind, -EISDIR);
		refuses("/", kind, -EISDIR);
		refuses("/dev/zero", kind, -EINVAL);
	}
	refuses("/dev/null", SAFE_OPEN_FILE, -EINVAL);
	opens("/dev/null", SAFE_OPEN_STREAM);
}

static void files_are_written_from_the_start(void **state)
{
	struct stat stat_of;

	(void)state;
	file_make("old", "old text");
	opens("old", SAFE_OPEN_WRITE);
	assert_int_equal(stat("old", &stat_of), 0);
	assert_int_equal(stat_of.st_size, 0);
	opens("made", SAFE_OPEN_WRITE);
	assert_int_equal(stat("made", &stat_of), 0);
	assert_false(symlink("by-link", "to-make"));
	opens("to-make", SAFE_OPEN_WRITE);
	assert_int_equal(stat("by-link", &stat_of), 0);
	opens("/dev/null", SAFE_OPEN_WRITE);
	opens("/dev/full", SAFE_OPEN_WRITE);
	refuses("/dev/zero", SAFE_OPEN_WRITE, -EINVAL);
	refuses(".", SAFE_OPEN_WRITE, -EISDIR);
	refuses("none/made", SAFE_OPEN_WRITE, -ENOENT);
}

static void what_is_open_already(void **state)
{
	char path[32], text[16];
	int ends[2], fd;

	(void)state;
	assert_false(pipe(ends));
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
	fd = safe_open(path, SAFE_OPEN_WRITE);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text", 4), 4);
	close(fd);
	close(ends[1]);
	/* Its writer is gone, which is its end. */
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	refuses(path, SAFE_OPEN_FILE, -EINVAL);
	fd = safe_open(path, SAFE_OPEN_STREAM);
	assert_true(fd >= 0);
	assert_int_equal(safe_open_read(fd, text, sizeof(text)), 4);
	assert_memory_equal(text, "text", 4);
	assert_int_equal(safe_open_read(fd, text, sizeof(text)), 0);
	close(fd);
	close(ends[0]);
}

/* Nobody at the other end: an error, in time. */
static void fifos(void **state)
{
	uint64_t before_ns = clock_now();
	char text[16];
	int reader, writer;

	(void)state;
	assert_false(mkfifo("fifo", 0600));
	refuses("fifo", SAFE_OPEN_FILE, -EINVAL);
	assert_true(clock_now() - before_ns < NS_PER_S);
	refuses("fifo", SAFE_OPEN_STREAM, -ETIMEDOUT);
	refuses("fifo", SAFE_OPEN_WRITE, -ENXIO);
	assert_true(clock_now() - before_ns < 4 * SAFE_OPEN_WAIT_NS);

	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	writer = safe_open("fifo", SAFE_OPEN_WRITE);
	assert_true(reader >= 0 && writer >= 0);
	assert_false(fcntl(writer, F_GETFL) & O_NONBLOCK);
	assert_int_equal(write(writer, "text", 4), 4);
	opens("fifo", SAFE_OPEN_STREAM);
	/* Its writer stays. */
	assert_int_equal(safe_open_read(reader, text, sizeof(text)), -ETIMEDOUT);
	close(writer);
	close(reader);
}

/* A folder as /tmp, as root: only root can give things to others. */
static void folders_of_everybody(void **state)
{
	(void)state;
	file_make("secret", "text");
	assert_false(mkdir("shared", 0700) || chmod("shared", 01777));
	assert_false(symlink("../secret", "shared/mine") || link("secret", "shared/hard"));
	opens("shared/mine", SAFE_OPEN_FILE);
	refuses("shared/hard", SAFE_OPEN_WRITE, -EPERM);
	opens("shared/hard", SAFE_OPEN_FILE);
	opens("shared/made", SAFE_OPEN_WRITE);
	if (geteuid())
		return;
	assert_false(mkdir("shared/inner", 0700) || symlink(folder, "shared/way"));
	file_make("shared/theirs", "text");
	assert_false(mkfifo("shared/fifo", 0666));
	assert_false(lchown("shared/mine", 65534, 65534) || lchown("shared/way", 65534, 65534) ||
		     lchown("shared/theirs", 65534, 65534) || lchown("shared/fifo", 65534, 65534));
	for (int i = 0; i < 3; i++) {
		enum safe_open_kind kind = (enum safe_open_kind[]){SAFE_OPEN_FILE, SAFE_OPEN_STREAM,
								   SAFE_OPEN_WRITE}[i];

		refuses("shared/mine", kind, -EPERM);
		refuses("shared/way/secret", kind, -EPERM);
	}
	opens("shared/theirs", SAFE_OPEN_FILE);
	refuses("shared/theirs", SAFE_OPEN_WRITE, -EPERM);
	refuses("shared/fifo", SAFE_OPEN_WRITE, -EPERM);
	/* As a volume of Kubernetes: links of the folder's owner. */
	assert_false(chown("shared", 65534, 65534));
	opens("shared/mine", SAFE_OPEN_FILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_and_links, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(files_are_written_from_the_start, folder_make,
						folder_remove),
		cmocka_unit_test_setup_teardown(what_is_open_already, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(fifos, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(folders_of_everybody, folder_make, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
