// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "metric/process_metrics.h"

/* The page, terminated; the caller frees it. */
static char *page(bool open_metrics)
{
	struct metric_text text = {.open_metrics = open_metrics};
	char *data;

	process_metrics_write(&text);
	assert_false(text.no_memory);
	data = realloc(text.data, text.size + 1);
	assert_non_null(data);
	data[text.size] = '\0';
	return data;
}

/* The number after a name at the beginning of a line; there must be exactly one. */
static double value(const char *name)
{
	char wanted[64], *text = page(false), *at, *end;
	double number;

	snprintf(wanted, sizeof(wanted), "\n%s ", name);
	at = strstr(text, wanted);
	if (!at || strstr(at + 1, wanted))
		fail_msg("not just one %s in:\n%s", name, text);
	number = strtod(at + strlen(wanted), &end);
	assert_int_equal(*end, '\n');
	free(text);
	return number;
}

static double now(clockid_t clock)
{
	struct timespec time;

	assert_int_equal(clock_gettime(clock, &time), 0);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void cpu_time_is_ours_and_grows(void **state)
{
	double before = now(CLOCK_PROCESS_CPUTIME_ID), first = value("process_cpu_seconds_total");

	(void)state;
	assert_true(first >= before && first <= now(CLOCK_PROCESS_CPUTIME_ID));
	while (now(CLOCK_PROCESS_CPUTIME_ID) < before + 0.02)
		;
	assert_true(value("process_cpu_seconds_total") >= before + 0.02);
}

static void descriptors_are_counted_without_the_one_that_counts(void **state)
{
	double before = value("process_open_fds");
	struct rlimit limit;
	int fds[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	assert_true(value("process_open_fds") == before + 3);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	assert_true(value("process_open_fds") == before);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(value("process_max_fds") == (double)limit.rlim_cur);
}

static void memory_grows_by_what_is_touched(void **state)
{
	const size_t size = 32 * 1024 * 1024;
	double resident = value("process_resident_memory_bytes");
	double all = value("process_virtual_memory_bytes");
	char *memory = malloc(size);

	(void)state;
	assert_non_null(memory);
	assert_true(resident > 0 && resident <= all);
	memset(memory, 1, size);
	/* Read it, so that the compiler does not remove the writes. */
	assert_int_equal(((volatile char *)memory)[size / 2], 1);
	assert_true(value("process_resident_memory_bytes") >= resident + 0.9 * (double)size);
	assert_true(value("process_virtual_memory_bytes") >= all + 0.9 * (double)size);
	free(memory);
}

/* The clocks differ by at most a second here. */
static void the_start_is_before_now_and_does_not_move(void **state)
{
	double start = value("process_start_time_seconds");
	double ran = now(CLOCK_BOOTTIME);

	(void)state;
	assert_true(start <= now(CLOCK_REALTIME) + 0.1);
	assert_true(start >= now(CLOCK_REALTIME) - ran - 1);
	for (int i = 0; i < 20; i++) {
		double again = value("process_start_time_seconds");

		assert_true(again >= start - 0.011 && again <= start + 0.011);
	}
}

static void each_family_is_told_of_once(void **state)
{
	static const char *const families[] = {
		"process_open_fds gauge",
		"process_max_fds gauge",
		"process_virtual_memory_bytes gauge",
		"process_resident_memory_bytes gauge",
		"process_start_time_seconds gauge",
	};

	(void)state;
	for (int open_metrics = 0; open_metrics < 2; open_metrics++) {
		char *text = page(open_metrics);

		for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
			char wanted[80], *at;

			snprintf(wanted, sizeof(wanted), "# TYPE %s\n", families[i]);
			at = strstr(text, wanted);
			assert_non_null(at);
			assert_null(strstr(at + 1, wanted));
		}
		assert_non_null(
			strstr(text, open_metrics ? "# TYPE process_cpu_seconds counter\n"
						  : "# TYPE process_cpu_seconds_total counter\n"));
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_time_is_ours_and_grows),
		cmocka_unit_test(descriptors_are_counted_without_the_one_that_counts),
		cmocka_unit_test(memory_grows_by_what_is_touched),
		cmocka_unit_test(the_start_is_before_now_and_does_not_move),
		cmocka_unit_test(each_family_is_told_of_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
