// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http/gzip.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void gzip_is_wanted(void **state)
{
	static const char *const texts[] = {
		"gzip",
		"GZip",
		"x-gzip",
		"gzip, deflate, br",
		"deflate, gzip;q=1.0, *;q=0.5",
		"gzip;q=0.001",
		"gzip ; q=0.5",
		"gzip;Q=1",
		"*",
		"*;q=0.1",
		"br,\tgzip",
		",,gzip,",
		"identity;q=0.5, gzip;q=0.5",
		"identity;q=0, gzip;q=0.1",
		"gzip;q=1.000",
		"deflate;q=0,gzip",
		"gzip;level=9;q=0.7",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!http_gzip_wanted(texts[i]))
			fail_msg("'%s'", texts[i]);
	}
}

static void gzip_is_not_wanted(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		",",
		"identity",
		"deflate, br",
		"gzip;q=0",
		"gzip;q=0.000",
		"gzip;q=0, *",
		"*, gzip;q=0",
		"*;q=0",
		"gzip;q=0.4, identity;q=0.5",
		"identity, *;q=0.5",
		"gzip;q=2",
		"gzip;q=1.5",
		"gzip;q=-1",
		"gzip;q=",
		"gzip;q=x",
		"gzip;q=0.1234",
		"gzipped",
		"gzi",
		"not-gzip",
	};

	(void)state;
	assert_false(http_gzip_wanted(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (http_gzip_wanted(texts[i]))
			fail_msg("'%s'", texts[i]);
	}
}

static char *text_make(size_t size)
{
	char *text = malloc(size + 1);

	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + (i * i / 7 + i / 1000) % 23);
	text[size] = '\0';
	return text;
}

/* Reads a body in pieces of at most `capacity`; returns its length. */
static size_t drain(struct http_body *body, char *out, size_t out_size, size_t capacity,
		    uint64_t until_ns, size_t *calls)
{
	size_t length = 0;
	ssize_t count;

	*calls = 0;
	while ((count = http_body_read(body, out + length, capacity, until_ns)) >= 0) {
		length += (size_t)count;
		assert_true(length + capacity <= out_size);
		++*calls;
	}
	assert_int_equal(count, HTTP_BODY_END);
	assert_int_equal(http_body_read(body, out, capacity, until_ns), HTTP_BODY_END);
	return length;
}

static void check_round_trip(size_t size, size_t capacity, uint64_t until_ns)
{
	size_t out_size = size + size / 100 + 70000;
	char *out = malloc(out_size), *back = malloc(size + 1), *text = text_make(size);
	struct http_body *body = http_body_new(text, size, true);
	z_stream stream = {0};
	size_t length, calls;

	assert_non_null(body);
	length = drain(body, out, out_size, capacity, until_ns, &calls);
	assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
	stream.next_in = (unsigned char *)out;
	stream.avail_in = (unsigned int)length;
	stream.next_out = (unsigned char *)back;
	stream.avail_out = (unsigned int)size + 1;
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, size);
	assert_int_equal(stream.avail_in, 0);
	assert_memory_equal(back, text, size);
	inflateEnd(&stream);
	http_body_free(body);
	free(out);
	free(back);
}

static void compressed_pages_come_back(void **state)
{
	static const size_t sizes[] = {0, 1, 1023, 16384, 16385, 32768, 1000003};
	static const size_t capacities[] = {1, 100, 1024, 16384, 65536};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(capacities); j++)
			check_round_trip(sizes[i], capacities[j], UINT64_MAX);
	}
}

/* Late in every call: it still goes on, a step each time. */
static void time_that_is_up_stops_no_progress(void **state)
{
	size_t calls;
	char *out = malloc(2000000);
	struct http_body *body = http_body_new(text_make(1000000), 1000000, true);

	(void)state;
	drain(body, out, 2000000, 16384, 0, &calls);
	assert_in_range(calls, 1000000 / 16384, 1000000 / 16384 + 40);
	http_body_free(body);
	free(out);
	check_round_trip(1000003, 1024, 0);
}

static void plain_pages_come_as_they_are(void **state)
{
	char *text = text_make(100000), *out = malloc(200000);
	struct http_body *body = http_body_new(text, 100000, false);
	size_t calls;

	(void)state;
	assert_int_equal(drain(body, out, 200000, 16384, 0, &calls), 100000);
	assert_memory_equal(out, text, 100000);
	assert_int_equal(calls, 7);
	http_body_free(body);
	http_body_free(NULL);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_is_wanted),
		cmocka_unit_test(gzip_is_not_wanted),
		cmocka_unit_test(compressed_pages_come_back),
		cmocka_unit_test(time_that_is_up_stops_no_progress),
		cmocka_unit_test(plain_pages_come_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
