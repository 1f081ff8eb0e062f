// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "world.h"

#include "output/text_finding.h"

static const struct text_style plain, coloured = {.colour = true, .unicode = true};
static const struct clock at_zero; /* time 0 is 1970-01-01 */

static const struct flow flow = {.local = {10, 0, 0, 1},
				 .remote = {10, 0, 0, 2},
				 .local_port = 80,
				 .remote_port = 4000,
				 .netns = 7,
				 .family = AF_INET};

/* What it writes; the caller frees it. */
static char *text_of(const struct text_style *style, const struct finding *finding)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	text_finding_put(file, style, &at_zero, finding);
	fclose(file);
	return text;
}

static void assert_text(const struct text_style *style, const struct finding *finding,
			const char *expected)
{
	char *text = text_of(style, finding);

	assert_string_equal(text, expected);
	free(text);
}

static void a_block_has_all_of_it(void **state)
{
	const struct process process = {.tgid = 812, .comm = "leaky"};
	struct finding finding = {
		.id = FINDING_ACCEPT_STALL,
		.severity = SEVERITY_WARNING,
		.process = &process,
		.place = PLACE_LOCAL,
		.flow = flow,
		.time_ns = 61 * NS_PER_S,
		.since_ns = 61 * NS_PER_S,
		.says = "Something is wrong.",
		.advice = "Do this.",
	};

	(void)state;
	finding_count(&finding, "queue", 1234);
	finding_bytes(&finding, "unacknowledged", 5000);
	finding_duration(&finding, "oldest", 12 * NS_PER_S, true);
	finding_duration(&finding, "exhausted_in", 90 * NS_PER_S, false);
	finding_rate(&finding, "rate", EVIDENCE_PER_SECOND, 12.34);
	finding_rate(&finding, "growth", EVIDENCE_PER_MINUTE, -0.5);
	finding_rate(&finding, "nearly_none", EVIDENCE_PER_MINUTE, -0.01);
	finding_rate(&finding, "share", EVIDENCE_PERCENT, 98.0);
	finding_flag(&finding, "full", true);
	finding_text(&finding, "peer", "10.0.0.9:443");
	assert_text(&plain, &finding,
		    "00:01:01.000000  FINDING accept-stall  leaky[812]  10.0.0.1:80  warning\n"
		    "    Something is wrong.\n"
		    "    queue              1,234\n"
		    "    unacknowledged     5,000 bytes\n"
		    "    oldest             >= 12.0s\n"
		    "    exhausted in       90.0s\n"
		    "    rate               12.3/s\n"
		    "    growth             -0.5/min\n"
		    "    nearly none        0/min\n"
		    "    share              98%\n"
		    "    full               yes\n"
		    "    peer               10.0.0.9:443\n"
		    "    Do this.\n"
		    "    tcpwatch --explain=accept-stall\n");
}

static void worse_and_over_say_since_when(void **state)
{
	struct finding finding = {
		.id = FINDING_DEAD_PEER,
		.status = FINDING_WORSE,
		.severity = SEVERITY_CRITICAL,
		.place = PLACE_PAIR,
		.flow = flow,
		.time_ns = 100 * NS_PER_S,
		.since_ns = 70 * NS_PER_S,
		.says = "It is so.",
		.advice = "Do this.",
	};

	(void)state;
	assert_text(&plain, &finding,
		    "00:01:40.000000  WORSE   dead-peer  10.0.0.1 -> 10.0.0.2:4000  critical\n"
		    "    It is so.\n"
		    "    opened             30.0s ago\n"
		    "    Do this.\n"
		    "    tcpwatch --explain=dead-peer\n");
	finding.status = FINDING_OVER;
	finding.place = PLACE_REMOTE;
	assert_text(&plain, &finding,
		    "00:01:40.000000  OVER    dead-peer  10.0.0.2:4000  after 30.0s\n");
}

/* No byte of a name or of evidence can move a terminal's cursor, or make a line of its own. */
static void hostile_names_are_tamed(void **state)
{
	const struct process process = {.tgid = 1, .comm = "\x1b[2J\nOVER\x9b\xff"};
	struct finding finding = {
		.process = &process,
		.says = "So.",
		.advice = "Do.",
	};
	const char *style_names[] = {"plain", "coloured"};
	const struct text_style *styles[] = {&plain, &(struct text_style){.unicode = true}};

	(void)state;
	finding_text(&finding, "peer_process", "a\x1b]0;b\a\r\nFINDING\x7f\xc2\x9b");
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++) {
		char *text = text_of(styles[i], &finding);
		size_t lines = 0;

		for (const char *at = text; *at; at++) {
			lines += *at == '\n';
			if (*at != '\n' && ((unsigned char)*at < 0x20 || *at == 0x7f))
				fail_msg("%s: a control byte %#x", style_names[i], *at);
		}
		assert_null(strstr(text, "\xc2\x9b"));
		assert_int_equal(lines, 5);
		free(text);
	}
}

/* Several namespaces may have the same address. */
static void other_namespaces_are_named(void **state)
{
	const struct text_style at_home = {.netns = 1}, elsewhere = {.netns = 2};
	struct finding finding = {
		.id = FINDING_ACCEPT_STALL,
		.place = PLACE_LOCAL,
		.flow = flow,
		.says = "So.",
		.advice = "Do.",
	};
	const char *at_its_place = "FINDING accept-stall  10.0.0.1:80  info\n";
	char *text;

	(void)state;
	finding.flow.netns = 1;
	text = text_of(&at_home, &finding);
	assert_non_null(strstr(text, at_its_place));
	free(text);
	text = text_of(&plain, &finding);
	assert_non_null(strstr(text, at_its_place));
	free(text);
	text = text_of(&elsewhere, &finding);
	assert_non_null(strstr(text, "FINDING accept-stall  10.0.0.1:80 netns 1  info\n"));
	free(text);
	finding.place = PLACE_NONE;
	text = text_of(&elsewhere, &finding);
	assert_null(strstr(text, "netns"));
	free(text);
}

static void long_advice_is_broken_between_words(void **state)
{
	struct finding finding = {
		.says = "So.",
		.advice =
			"one two three four five six seven eight nine ten eleven twelve thirteen "
			"fourteen fifteen a-word-that-is-longer-than-any-line-that-there-could-be-"
			"on-a-terminal-of-eighty-columns end",
	};

	(void)state;
	assert_text(&plain, &finding,
		    "00:00:00.000000  FINDING close-wait-leak  info\n"
		    "    So.\n"
		    "    one two three four five six seven eight nine ten eleven twelve thirteen\n"
		    "    fourteen fifteen\n"
		    "    a-word-that-is-longer-than-any-line-that-there-could-be-on-a-terminal-of-"
		    "eighty-columns\n"
		    "    end\n"
		    "    tcpwatch --explain=close-wait-leak\n");
}

/* They are there to be copied. */
static void commands_in_quotes_stay_whole(void **state)
{
	struct finding finding = {
		.says = "So.",
		.advice =
			"Look at the connections that wait for their end with the command "
			"(\"ss -tno state last-ack\"). No line holds this: \"one two three four "
			"five six seven eight nine ten eleven twelve thirteen fourteen fifteen\". "
			"This \" has no end.",
	};

	(void)state;
	assert_text(
		&plain, &finding,
		"00:00:00.000000  FINDING close-wait-leak  info\n"
		"    So.\n"
		"    Look at the connections that wait for their end with the command\n"
		"    (\"ss -tno state last-ack\"). No line holds this: \"one two three four five\n"
		"    six seven eight nine ten eleven twelve thirteen fourteen fifteen\". This \"\n"
		"    has no end.\n"
		"    tcpwatch --explain=close-wait-leak\n");
}

static void colour_is_for_who_wants_it(void **state)
{
	struct finding finding = {.severity = SEVERITY_CRITICAL, .says = "So.", .advice = "Do."};
	char *text = text_of(&coloured, &finding);

	(void)state;
	assert_non_null(strstr(text, text_red(&coloured)));
	free(text);
	text = text_of(&plain, &finding);
	assert_null(strchr(text, '\x1b'));
	free(text);
}

static void open_ones_are_lines(void **state)
{
	const struct process process = {.tgid = 812, .comm = "bad\nname"};
	const struct subject subject = {
		.id = FINDING_SYN_FLOOD,
		.place = PLACE_LOCAL,
		.flow = flow,
		.severity = SEVERITY_CRITICAL,
		.since_ns = 61 * NS_PER_S,
	};
	const struct finding_open open = {.subject = &subject, .process = &process};
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	text_finding_put_open(file, &plain, &at_zero, &open);
	text_finding_put_open(file, &plain, &at_zero,
			      &(struct finding_open){.subject = &(struct subject){0}});
	fclose(file);
	assert_string_equal(
		text, "  critical  syn-flood  bad?name[812]  10.0.0.1:80  since 00:01:01.000000\n"
		      "  info      close-wait-leak  since 00:00:00.000000\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_has_all_of_it),
		cmocka_unit_test(worse_and_over_say_since_when),
		cmocka_unit_test(hostile_names_are_tamed),
		cmocka_unit_test(other_namespaces_are_named),
		cmocka_unit_test(long_advice_is_broken_between_words),
		cmocka_unit_test(commands_in_quotes_stay_whole),
		cmocka_unit_test(colour_is_for_who_wants_it),
		cmocka_unit_test(open_ones_are_lines),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
