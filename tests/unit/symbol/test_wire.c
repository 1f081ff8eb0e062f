// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbol/wire.h"

static struct symbol_request request;
static struct symbol_answer answer, taken;
static char packet[sizeof(struct symbol_answer) + 1];

static void make_request(void)
{
	memset(&request, 0, sizeof(request));
	request.frame_count = 2;
	request.file_count = 2;
	request.map_count = 2;
	request.maps[0] = (struct symbol_request_map){0x1000, 0x2000, 0, 1, 0};
	request.maps[1] = (struct symbol_request_map){0x3000, 0x4000, 0, SYMBOL_NO_FILE, 0};
	memcpy(request.paths, "/a\0/bc", 7);
	request.paths_len = 7;
}

static bool request_is_good(void)
{
	return symbol_request_check(&request, symbol_request_size(&request));
}

static void requests_are_checked(void **state)
{
	const char *path;

	(void)state;
	make_request();
	assert_true(request_is_good());
	path = symbol_request_path(&request, NULL);
	assert_string_equal(path, "/a");
	assert_string_equal(symbol_request_path(&request, path), "/bc");
	assert_false(symbol_request_check(&request, symbol_request_size(&request) - 1));
	assert_false(symbol_request_check(&request, 3));
	request.paths[6] = 'x'; /* no 0 at the end */
	assert_false(request_is_good());
	make_request();
	request.file_count = 0; /* but text that is no path */
	request.map_count = 0;
	request.paths_len = 1;
	assert_false(request_is_good());
	make_request();
	request.frame_count = EVENT_STACK_FRAMES + 1;
	assert_false(request_is_good());
	make_request();
	request.frame_count = 0;
	assert_false(request_is_good());
	make_request();
	request.maps[0].file = 2;
	assert_false(request_is_good());
	make_request();
	request.maps[1].end = request.maps[1].start;
	assert_false(request_is_good());
	make_request();
	request.file_count = 3;
	assert_false(request_is_good());
	make_request();
	request.paths_len = SYMBOL_PATHS_LEN + 1;
	assert_false(request_is_good());
}

static size_t pack(void)
{
	size_t frames_len = answer.head.count * sizeof(answer.frames[0]);

	memcpy(packet, &answer.head, sizeof(answer.head));
	memcpy(packet + sizeof(answer.head), answer.frames, frames_len);
	memcpy(packet + sizeof(answer.head) + frames_len, answer.text, answer.head.text_len);
	return sizeof(answer.head) + frames_len + answer.head.text_len;
}

static void make_answer(void)
{
	struct symbol_answer_frame *frame;

	symbol_answer_begin(&answer, 7);
	frame = symbol_answer_add(&answer);
	frame->ip = 0x1234;
	frame->file = 1;
	frame->function = symbol_answer_text(&answer, "main");
	frame->source = symbol_answer_text(&answer, "main.c");
	frame->build_id = symbol_answer_text(&answer, "");
}

static void answers_come_as_they_went(void **state)
{
	(void)state;
	make_answer();
	assert_int_equal(symbol_answer_text(&answer, "main"), answer.frames[0].function);
	assert_int_equal(symbol_answer_read(&taken, packet, pack(), 2), 0);
	assert_int_equal(taken.head.stack, 7);
	assert_int_equal(taken.frames[0].ip, 0x1234);
	assert_string_equal(taken.text + taken.frames[0].function, "main");
	assert_string_equal(taken.text + taken.frames[0].source, "main.c");
	assert_string_equal(taken.text + taken.frames[0].build_id, "");
}

static void hostile_answers_are_refused(void **state)
{
	size_t size;

	(void)state;
	make_answer();
	size = pack();
	for (size_t less = 0; less < size; less++)
		assert_int_equal(symbol_answer_read(&taken, packet, less, 2), -EPROTO);
	assert_int_equal(symbol_answer_read(&taken, packet, size, 1), -EPROTO); /* file 1 of 1 */
	packet[size - 1] = 'x';
	assert_int_equal(symbol_answer_read(&taken, packet, size, 2), -EPROTO);
	make_answer();
	answer.frames[0].source = answer.head.text_len;
	assert_int_equal(symbol_answer_read(&taken, packet, pack(), 2), -EPROTO);
	make_answer();
	answer.text[0] = 'x';
	assert_int_equal(symbol_answer_read(&taken, packet, pack(), 2), -EPROTO);
	make_answer();
	size = pack();
	((struct symbol_answer_head *)packet)->count = UINT32_MAX;
	assert_int_equal(symbol_answer_read(&taken, packet, size, 2), -EPROTO);
	make_answer();
	size = pack();
	((struct symbol_answer_head *)packet)->text_len = UINT32_MAX;
	assert_int_equal(symbol_answer_read(&taken, packet, size, 2), -EPROTO);
}

static void answers_have_an_end(void **state)
{
	static char text[SYMBOL_ANSWER_TEXT / 2];

	(void)state;
	symbol_answer_begin(&answer, 1);
	for (size_t i = 0; i < SYMBOL_ANSWER_FRAMES; i++)
		assert_non_null(symbol_answer_add(&answer));
	assert_null(symbol_answer_add(&answer));
	memset(text, 'a', sizeof(text) - 1);
	assert_int_not_equal(symbol_answer_text(&answer, text), 0);
	text[0] = 'b';
	assert_int_equal(symbol_answer_text(&answer, text), 0);
	assert_int_not_equal(symbol_answer_text(&answer, "short"), 0);
	assert_int_equal(symbol_answer_read(&taken, packet, pack(), 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_checked),
		cmocka_unit_test(answers_come_as_they_went),
		cmocka_unit_test(hostile_answers_are_refused),
		cmocka_unit_test(answers_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
