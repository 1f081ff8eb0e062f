// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file_window.h"

#define SIZE (3 * FILE_WINDOW_SIZE + 100)

static struct file_window window;

static unsigned char byte_at(uint64_t offset)
{
	return (unsigned char)(offset * 7 + (offset >> 8));
}

static int open_file(void)
{
	static unsigned char bytes[SIZE];
	int fd = memfd_create("window", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (uint64_t at = 0; at < SIZE; at++)
		bytes[at] = byte_at(at);
	assert_int_equal(write(fd, bytes, SIZE), SIZE);
	return fd;
}

static void any_place_is_shown_as_it_is(void **state)
{
	uint64_t random = 12345;
	int fd = open_file();

	(void)state;
	file_window_init(&window, fd, UINT64_MAX);
	for (int i = 0; i < 20000; i++) {
		uint64_t offset = (random = random * 6364136223846793005ULL + 1) >> 33;
		size_t size = offset % 64 + 1;
		const unsigned char *bytes;

		offset %= SIZE + 200;
		bytes = file_window_look(&window, offset, size);
		assert_true(!bytes == (offset + size > SIZE));
		if (!bytes)
			assert_int_equal(window.err, -ENOEXEC);
		for (size_t j = 0; bytes && j < size; j++)
			assert_int_equal(bytes[j], byte_at(offset + j));
	}
	close(fd);
}

/* Two places that are read in turns are read only once each. */
static void two_places_are_kept(void **state)
{
	int fd = open_file();

	(void)state;
	file_window_init(&window, fd, 2 * FILE_WINDOW_SIZE);
	for (int i = 0; i < 100; i++) {
		assert_non_null(file_window_look(&window, 10, 8));
		assert_non_null(file_window_look(&window, 2 * FILE_WINDOW_SIZE, 8));
	}
	assert_int_equal(window.budget, 0);
	assert_null(file_window_look(&window, FILE_WINDOW_SIZE + 100, 8));
	assert_int_equal(window.err, -EFBIG);
	close(fd);
}

static void numbers_without_sense_are_refused(void **state)
{
	int fd = open_file();

	(void)state;
	file_window_init(&window, fd, UINT64_MAX);
	assert_null(file_window_look(&window, UINT64_MAX, 1));
	assert_null(file_window_look(&window, INT64_MAX, 1));
	assert_null(file_window_look(&window, 0, FILE_WINDOW_SIZE + 1));
	assert_null(file_window_look(&window, SIZE, 1));
	assert_non_null(file_window_look(&window, SIZE, 0));
	close(fd);
	assert_null(file_window_look(&window, FILE_WINDOW_SIZE, 1));
	assert_int_equal(window.err, -EBADF);
}

static void what_is_sought_is_found_once_and_first(void **state)
{
	static const char what[] = "needle";
	uint64_t at;
	int fd = open_file();

	(void)state;
	for (uint64_t place = FILE_WINDOW_SIZE - 20; place < FILE_WINDOW_SIZE + 20; place++) {
		int copy = open_file();

		assert_int_equal(pwrite(copy, what, sizeof(what), (off_t)place), sizeof(what));
		assert_int_equal(pwrite(copy, what, sizeof(what), SIZE - sizeof(what)),
				 sizeof(what));
		file_window_init(&window, copy, UINT64_MAX);
		assert_int_equal(file_window_find(&window, 0, SIZE, what, sizeof(what), &at), 0);
		assert_int_equal(at, place);
		assert_int_equal(
			file_window_find(&window, place + 1, SIZE, what, sizeof(what), &at), 0);
		assert_int_equal(at, SIZE - sizeof(what));
		assert_int_equal(
			file_window_find(&window, place + 1, SIZE - 1, what, sizeof(what), &at),
			-ENOENT);
		close(copy);
	}
	file_window_init(&window, fd, UINT64_MAX);
	assert_int_equal(file_window_find(&window, 0, SIZE, what, sizeof(what), &at), -ENOENT);
	assert_int_equal(file_window_find(&window, 0, SIZE + 1, what, sizeof(what), &at), -ENOEXEC);
	assert_int_equal(file_window_find(&window, 9, 8, what, sizeof(what), &at), -ENOENT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_place_is_shown_as_it_is),
		cmocka_unit_test(two_places_are_kept),
		cmocka_unit_test(numbers_without_sense_are_refused),
		cmocka_unit_test(what_is_sought_is_found_once_and_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
