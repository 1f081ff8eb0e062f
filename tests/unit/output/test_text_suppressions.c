// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What outputs say at the end of suppressions: used ones, and ones to paste. */
#include "suppress.h"

#include "output/output.h"
#include "leak/suppression_gen.h"

/* What an output says at the end; to be freed. */
static char *said(struct output *(*output_new)(FILE *file), const struct view *view)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct output *output;

	assert_non_null(file);
	output = output_new(file);
	assert_non_null(output);
	output->ops->summary(output, view);
	output->ops->end(output, view);
	output->ops->free(output);
	assert_int_equal(fclose(file), 0);
	return text;
}

static void check_said(struct output *(*output_new)(FILE *file), const struct view *view,
		       const char *wanted)
{
	char *text = said(output_new, view);

	if (!strstr(text, wanted))
		fail_msg("no \"%s\" in \"%s\"", wanted, text);
	free(text);
}

static void check_not_said(struct output *(*output_new)(FILE *file), const struct view *view,
			   const char *unwanted)
{
	char *text = said(output_new, view);

	if (strstr(text, unwanted))
		fail_msg("\"%s\" in \"%s\"", unwanted, text);
	free(text);
}

static void without_the_options_nothing_is_said(void **state)
{
	const struct view view = {.final = true};

	(void)state;
	check_not_said(output_text_new, &view, "uppress");
	check_not_said(output_json_new, &view, "uppress");
	check_not_said(output_log_new, &view, "uppress");
}

static void uses_are_told_once_at_the_end(void **state)
{
	struct suppressions *suppressions =
		suppressions_of("unread:pool\n#\nleak:b\xc3\xa9\nleak:c\nleak:d");
	struct view view = {.suppressions = suppressions};
	struct made_leak made;

	(void)state;
	view.final = true;
	check_said(output_text_new, &view, "\nSuppressions used: none of 4.\n");
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "pool");
	for (int i = 0; i < 1234; i++)
		assert_true(suppressions_match(suppressions, &made.leak));
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "d");
	assert_true(suppressions_match(suppressions, &made.leak));
	check_said(output_text_new, &view,
		   "\nSuppressions used:\n     count  pattern\n     1,234  unread:pool\n"
		   "         1  leak:d\n  2 of 4 were not used; -j lists them all.\n");
	check_said(output_json_new, &view,
		   "\"suppressed\":[{\"suppression\":\"unread:pool\",\"line\":1,\"count\":1234},"
		   "{\"suppression\":\"leak:b\xc3\xa9\",\"line\":3,\"count\":0},"
		   "{\"suppression\":\"leak:c\",\"line\":4,\"count\":0},"
		   "{\"suppression\":\"leak:d\",\"line\":5,\"count\":1}]}\n");
	check_not_said(output_log_new, &view, "uppress");
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "c");
	assert_true(suppressions_match(suppressions, &made.leak));
	check_said(output_text_new, &view, "  1 of 4 was not used; -j lists them all.\n");
	view.final = false;
	check_not_said(output_text_new, &view, "uppress");
	suppressions_free(suppressions);
}

static void all_used_is_no_news(void **state)
{
	struct suppressions *suppressions = suppressions_of("leak:*");
	const struct view view = {.suppressions = suppressions, .final = true};
	struct made_leak made;

	(void)state;
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "pool");
	assert_true(suppressions_match(suppressions, &made.leak));
	check_said(output_text_new, &view, "         1  leak:*\n");
	check_not_said(output_text_new, &view, "not used");
	suppressions_free(suppressions);
}

static void what_was_made_can_be_pasted(void **state)
{
	struct suppression_gen *gen = suppression_gen_new();
	const struct view view = {.made = gen, .final = true};
	struct made_leak made;
	char name[16];

	(void)state;
	check_said(output_text_new, &view,
		   "\n# There is nothing to suppress: no leak was reported.\n");
	check_not_said(output_json_new, &view, "uppress");
	made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, "a\nleak:*");
	suppression_gen_add(gen, &made.leak);
	suppression_gen_add(gen, &made.leak);
	made_leak_init(&made, ROLE_CLIENT, LEAK_STALLED, NULL);
	suppression_gen_add(gen, &made.leak);
	check_said(output_text_new, &view,
		   "\n# With these lines in FILE, --suppressions=FILE ignores what was reported:\n"
		   "# 2 unread of a?leak:*\nunread:^a\\x0aleak:\\*$\n"
		   "# 1 stalled\nstalled:^10.0.0.9:2001$\n");
	check_said(output_log_new, &view, "# 1 stalled\nstalled:^10.0.0.9:2001$\n");
	check_said(output_json_new, &view,
		   "{\"type\":\"suppression\",\"suppression\":\"unread:^a\\\\x0aleak:\\\\*$\","
		   "\"count\":2}\n{\"type\":\"suppression\","
		   "\"suppression\":\"stalled:^10.0.0.9:2001$\",\"count\":1}\n{\"type\":\"end\"");
	check_not_said(output_text_new, &view, "do not ignore");
	for (int i = 2; i < SUPPRESSION_GEN_LIMIT + 1; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		made_leak_init(&made, ROLE_CLIENT, LEAK_UNREAD, name);
		suppression_gen_add(gen, &made.leak);
	}
	check_said(output_text_new, &view, "\n# and 1 more leak that these lines do not ignore\n");
	suppression_gen_add(gen, &made.leak);
	check_said(output_text_new, &view, "\n# and 2 more leaks that these lines do not ignore\n");
	suppression_gen_free(gen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_the_options_nothing_is_said),
		cmocka_unit_test(uses_are_told_once_at_the_end),
		cmocka_unit_test(all_used_is_no_news),
		cmocka_unit_test(what_was_made_can_be_pasted),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
