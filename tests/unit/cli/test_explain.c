// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/explain.h"

#include <errno.h>

#include "events.h"
#include "model/tcp_state.h"

/* The ids that users, records and metrics know: they never change. */
static const char *const findings[] = {
	"close-wait-leak", "accept-stall", "time-wait-churn", "pool-thrash",
	"connect-stuck",   "syn-flood",	   "fin-wait2-stuck", "last-ack-stuck",
	"dead-peer",	   "reset-storm",  "descriptor-leak",
};

/* What is printed for an id: allocated. NULL if nothing is. */
static char *explained(const char *id)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);
	int err;

	assert_non_null(file);
	err = explain_print(file, id);
	assert_int_equal(fclose(file), 0);
	assert_true(!err || err == -ENOENT);
	assert_int_equal(!err, size > 0);
	if (!err)
		return text;
	free(text);
	return NULL;
}

static void check_same(const char *id, const char *other)
{
	char *one = explained(id), *two = explained(other);

	assert_non_null(one);
	assert_non_null(two);
	assert_string_equal(one, two);
	free(one);
	free(two);
}

static void check_width(const char *text)
{
	for (size_t length; *text; text += length + 1) {
		length = strcspn(text, "\n");
		assert_int_equal(text[length], '\n');
		assert_true(length <= 80);
		assert_true(!length || text[length - 1] != ' ');
	}
}

static char *check_page(const char *id)
{
	char *page = explained(id);

	assert_non_null(page);
	check_width(page);
	/* "ID: what is wrong", and nothing of the Markdown that it was. */
	assert_memory_equal(page, id, strlen(id));
	assert_memory_equal(page + strlen(id), ": ", 2);
	assert_null(strstr(page, "**"));
	assert_null(strchr(page, '`'));
	assert_null(strstr(page, "]("));
	assert_non_null(strstr(page, "\nDo"));
	assert_non_null(strstr(page, "\nDo not:"));
	return page;
}

static void every_finding_has_a_page(void **state)
{
	static const char *const parts[] = {
		"\nLook:", "\nEvidence: ", "\nMade when: ", "\nThresholds: "};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(findings); i++) {
		char *page = check_page(findings[i]);

		for (size_t j = 0; j < ARRAY_SIZE(parts); j++)
			assert_non_null(strstr(page, parts[j]));
		free(page);
	}
}

static void every_state_has_a_page_with_its_ways(void **state)
{
	static const char *const parts[] = {"\nWhat keeps it: ", "\nNormal: ", "\nFinding: "};

	(void)state;
	for (size_t i = 0; tcp_state_order[i]; i++) {
		char *page = check_page(tcp_state_name(tcp_state_order[i]));
		const char *in = strstr(page, "\nWays in, from:\n");
		const char *out = strstr(page, "\nWays out, to:\n");
		size_t ways = 0, lines = 0;

		for (size_t j = 0; j < ARRAY_SIZE(parts); j++)
			assert_non_null(strstr(page, parts[j]));
		assert_true(in && out && in < out);
		for (const char *line = in; (line = strstr(line, "\n  ")); line++)
			lines++;
		for (size_t j = 0; j < tcp_transition_count; j++)
			ways += tcp_transitions[j].from != tcp_transitions[j].to &&
				(tcp_transitions[j].from == tcp_state_order[i] ||
				 tcp_transitions[j].to == tcp_state_order[i]);
		assert_int_equal(lines, ways);
		free(page);
	}
}

static void a_way_is_told_with_who_and_what(void **state)
{
	char *page = explained("FIN_WAIT2");

	(void)state;
	assert_non_null(strstr(page, "\n  FIN_WAIT1    peer     ACK received\n"));
	assert_non_null(strstr(page, "\n  TIME_WAIT    peer     FIN received; ACK sent *\n"));
	assert_non_null(strstr(page, "\n* Seen in mode full."));
	assert_null(strstr(page, "close() after shutdown()"));
	free(page);
	page = explained("SYN_SENT");
	assert_null(strstr(page, " *\n"));
	assert_null(strstr(page, "\n* Seen"));
	free(page);
}

static void names_may_be_written_in_many_ways(void **state)
{
	(void)state;
	check_same("Close-Wait-Leak", "close-wait-leak");
	check_same("close_wait_leak", "close-wait-leak");
	check_same("close-wait", "CLOSE_WAIT");
	check_same("close", "CLOSE");
	check_same("FIN-WAIT-2", "FIN_WAIT2"); /* ss */
	check_same("estab", "ESTABLISHED");    /* ss */
	check_same("SYN-RECV", "SYN_RECV");
	check_same("pool", "pool-thrash");
	check_same("listen", "LISTEN");
	check_same("HELP", "list");
}

static void what_is_none_or_several_is_not_found(void **state)
{
	static const char *const wrong[] = {
		"",	"-",	  "_-_",	 "time", "fin",
		"x",	"CLOSED", "CLOSE_WAIT2", "syn",	 "close-wait-leak2",
		"list2"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_null(explained(wrong[i]));
}

static void the_list_has_each_once_in_80_columns(void **state)
{
	char *list = explained("list"), ids[320], wanted[32];

	(void)state;
	check_width(list);
	explain_ids(ids, sizeof(ids));
	assert_true(strlen(ids) < sizeof(ids) - 1); /* not cut off */
	for (size_t i = 0; i < ARRAY_SIZE(findings); i++) {
		snprintf(wanted, sizeof(wanted), "\n  %s  ", findings[i]);
		assert_non_null(strstr(list, wanted));
		assert_non_null(strstr(ids, findings[i]));
	}
	for (size_t i = 0; tcp_state_order[i]; i++) {
		snprintf(wanted, sizeof(wanted), "\n  %s  ", tcp_state_name(tcp_state_order[i]));
		assert_non_null(strstr(list, wanted));
		assert_non_null(strstr(ids, tcp_state_name(tcp_state_order[i])));
	}
	free(list);
}

static void ids_are_cut_off_where_there_is_no_room(void **state)
{
	char *ids;

	(void)state;
	for (size_t size = 1; size < 400; size++) {
		ids = malloc(size);
		assert_non_null(ids);
		explain_ids(ids, size);
		assert_true(strlen(ids) < size);
		free(ids);
	}
}

static void a_full_disk_is_noticed(void **state)
{
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(explain_print(full, "CLOSE_WAIT"), -EIO);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_finding_has_a_page),
		cmocka_unit_test(every_state_has_a_page_with_its_ways),
		cmocka_unit_test(a_way_is_told_with_who_and_what),
		cmocka_unit_test(names_may_be_written_in_many_ways),
		cmocka_unit_test(what_is_none_or_several_is_not_found),
		cmocka_unit_test(the_list_has_each_once_in_80_columns),
		cmocka_unit_test(ids_are_cut_off_where_there_is_no_room),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
