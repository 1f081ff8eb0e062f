// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* A file that nobody answers for is a FIFO that nobody writes. */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/asker.h"

static char folder[] = "/tmp/tcpwatch-asker-XXXXXX";
static char fifo[64], file[64];
static char fifos[ASKER_SILENCES][64];

static const struct open_how as_name = {0};

static void answers_are_right(void)
{
	struct stat status, own;
	char text[64] = "";
	int fd = asker_read(file, 5);

	assert_true(fd > 0);
	assert_int_equal(read(fd, text, sizeof(text)), 5);
	assert_string_equal(text, "hello");
	close(fd);
	assert_int_equal(asker_read("/nowhere", 5), -ENOENT);
	assert_int_equal(stat(file, &own), 0);
	assert_int_equal(asker_stat(file, &status), 0);
	assert_int_equal(status.st_ino, own.st_ino);
	assert_int_equal(asker_stat("/nowhere", &status), -ENOENT);
	fd = asker_open(AT_FDCWD, file, &as_name, true, true, &status);
	assert_true(fd > 0);
	assert_int_equal(status.st_ino, own.st_ino);
	assert_int_equal(read(fd, text, sizeof(text)), 11);
	close(fd);
	/* A name only: nothing waits for a writer. */
	fd = asker_open(AT_FDCWD, fifo, &as_name, false, false, &status);
	assert_true(fd > 0 && S_ISFIFO(status.st_mode));
	close(fd);
	assert_int_equal(asker_open(AT_FDCWD, fifo, &as_name, true, false, &status), -EPERM);
}

static void questions_are_answered_with_and_without_a_helper(void **state)
{
	struct open_how inside = {.resolve = RESOLVE_IN_ROOT};
	struct stat status;
	int root, fd;

	(void)state;
	answers_are_right();
	asker_start();
	answers_are_right();
	root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	fd = asker_open(root, "/file", &inside, true, false, &status);
	assert_true(fd > 0);
	close(fd);
	close(root);
	asker_stop();
	assert_int_equal(asker_failures(), 0);
}

static void silence_has_a_deadline_and_costs_nobody_else(void **state)
{
	uint64_t began_ns = clock_now();

	(void)state;
	asker_start();
	assert_int_equal(asker_read(fifos[1], 5), -ETIMEDOUT);
	assert_in_range(clock_now() - began_ns, ASKER_DEADLINE_NS,
			ASKER_DEADLINE_NS + 10 * NS_PER_S);
	answers_are_right();
	assert_int_equal(asker_failures(), 1);
	asker_stop();
}

/* One process that does not answer costs one deadline, however often it would be asked. */
static void what_was_silent_is_not_asked_again(void **state)
{
	uint64_t began_ns;

	(void)state;
	asker_start();
	assert_int_equal(asker_read(fifos[0], 5), -ETIMEDOUT);
	began_ns = clock_now();
	for (int i = 0; i < 100; i++)
		assert_int_equal(asker_read(fifos[0], 5), -ETIMEDOUT);
	assert_in_range(clock_now() - began_ns, 0, 50 * ASKER_DEADLINE_NS);
	answers_are_right();
	asker_stop();
}

/* After silences it is waited for 20 ms only, but not for a helper that is at work. */
static void long_work_is_no_silence(void **state)
{
	off_t size = 32 << 20;
	struct stat status;
	int fd;

	(void)state;
	assert_int_equal(truncate(file, size), 0);
	fd = asker_read(file, (uint64_t)size); /* so that it is in memory */
	assert_true(fd > 0);
	close(fd);
	asker_start();
	assert_int_equal(asker_read(fifos[2], 5), -ETIMEDOUT);
	fd = asker_read(file, (uint64_t)size);
	assert_true(fd > 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_size, size);
	close(fd);
	asker_stop();
}

static void many_silences_are_short_and_then_nothing_is_asked(void **state)
{
	uint64_t began_ns = clock_now(), failures = asker_failures(), took_ns;
	struct stat status;

	(void)state;
	asker_start();
	/* The first three were in the tests above, and count in this minute. */
	for (int i = 3; i < ASKER_SILENCES; i++)
		assert_int_equal(asker_read(fifos[i], 5), -ETIMEDOUT);
	took_ns = clock_now() - began_ns;
	print_message("%d silences: %llu ms\n", ASKER_SILENCES - 3,
		      (unsigned long long)(took_ns / NS_PER_MS));
	began_ns = clock_now();
	for (int i = 0; i < 1000; i++)
		assert_int_equal(asker_stat(file, &status), -EBUSY);
	assert_in_range(clock_now() - began_ns, 0, 10 * NS_PER_S);
	assert_int_equal(asker_failures() - failures, ASKER_SILENCES - 3 + 1000);
	asker_stop();
	assert_int_equal(asker_stat(file, &status), 0);
}

static int make_files(void **state)
{
	FILE *made;

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	snprintf(file, sizeof(file), "%s/file", folder);
	made = fopen(file, "w");
	if (!made)
		return -1;
	fputs("hello world", made);
	fclose(made);
	for (int i = 0; i < ASKER_SILENCES; i++) {
		snprintf(fifos[i], sizeof(fifos[i]), "%s/fifo-%d", folder, i);
		if (mkfifo(fifos[i], 0600))
			return -1;
	}
	return mkfifo(fifo, 0600);
}

static int remove_files(void **state)
{
	(void)state;
	for (int i = 0; i < ASKER_SILENCES; i++)
		unlink(fifos[i]);
	unlink(fifo);
	unlink(file);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered_with_and_without_a_helper),
		cmocka_unit_test(silence_has_a_deadline_and_costs_nobody_else),
		cmocka_unit_test(what_was_silent_is_not_asked_again),
		cmocka_unit_test(long_work_is_no_silence),
		cmocka_unit_test(many_silences_are_short_and_then_nothing_is_asked),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
