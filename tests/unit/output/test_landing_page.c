// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "output/landing_page.h"

#define HOUR_NS (3600 * NS_PER_S)

static struct metric_groups *groups_of(const struct metric_labels *labels)
{
	struct metric_groups *groups = metric_groups_new(labels, 100);

	assert_non_null(groups);
	return groups;
}

static struct metric_group *add(struct metric_groups *groups, const char *comm, uint64_t unclosed)
{
	struct metric_key key = {.pid = 17, .netns = NETNS};
	struct metric_group *group;

	memcpy(key.comm, comm, strlen(comm));
	group = metric_groups_get(groups, &key);
	assert_non_null(group);
	group->leaked[LEAK_UNCLOSED] = unclosed;
	group->sockets[TCP_CLOSE_WAIT] = unclosed;
	group->oldest_ns = unclosed ? START_NS : 0;
	return group;
}

static bool incomplete; /* for page_with() */

/* The page an hour after START_NS; frees the groups. Free it. */
static char *page_with(struct metric_groups *groups, const struct metric_labels *labels,
		       const struct finding_list *findings)
{
	struct watch_status status = {
		.version = "1.2.3",
		.kernel = "6.18-<kernel>",
		.features = ~feature_set_full(),
		.time_ns = START_NS + HOUR_NS,
		.clock = {.monotonic_to_wall_ns = 1700000000 * (int64_t)NS_PER_S - START_NS},
		.duration_ns = 2 * HOUR_NS,
		.close_wait_ns = 10 * NS_PER_S,
		.leaks_total = 1234,
		.events = 56789,
		.lost = 7,
		.incomplete = incomplete,
		.labels = *labels,
		.groups = groups,
	};
	char *text = NULL;
	size_t size = 0;

	status.findings = *findings;
	assert_int_equal(landing_page_write(&status, &text, &size), 0);
	assert_non_null(text);
	assert_int_equal(strlen(text), size);
	metric_groups_free(groups);
	return text;
}

static char *page_of(struct metric_groups *groups, const struct metric_labels *labels)
{
	return page_with(groups, labels, &(struct finding_list){0});
}

static void has(const char *page, const char *wanted)
{
	if (!strstr(page, wanted))
		fail_msg("no '%s' in %s", wanted, page);
}

static void has_not(const char *page, const char *unwanted)
{
	if (strstr(page, unwanted))
		fail_msg("'%s' in %s", unwanted, page);
}

static void losses_make_it_incomplete(void **state)
{
	static const struct metric_labels none;
	struct metric_groups *groups = groups_of(&none);
	char *page;

	(void)state;
	add(groups, "nginx", 0);
	incomplete = true;
	page = page_of(groups, &none);
	incomplete = false;
	has(page, "No leaked sockets, but the answer is incomplete</strong>");
	has(page, "<strong id=\"incomplete\">The answer is incomplete</strong>");
	has(page, "7 of 56,789 since the start");
	has_not(page, "verdict good");
	free(page);
	page = page_of(groups_of(&none), &none);
	has_not(page, "incomplete");
	free(page);
}

static void nothing_leaks(void **state)
{
	static const struct metric_labels none;
	struct metric_groups *groups = groups_of(&none);
	char *page;

	(void)state;
	add(groups, "nginx", 0)->sockets[TCP_ESTABLISHED] = 5000;
	add(groups, "pool", 0)->idle = 7;
	page = page_of(groups, &none);
	has(page, "<strong id=\"leaks\">No leaked sockets</strong>");
	has(page, "longer than 10.0s");
	has(page, "<td id=\"state-ESTABLISHED\">5,000</td>");
	has(page, "<td id=\"state-CLOSE_WAIT\">0</td>");
	has(page, "<td id=\"idle\">7</td>");
	has_not(page, "state-LISTEN");
	has_not(page, "nginx");
	has_not(page, "<dl>");
	free(page);
}

static void who_leaks_and_how(void **state)
{
	static const struct metric_labels none;
	struct metric_groups *groups = groups_of(&none);
	struct metric_group *group;
	char *page;

	(void)state;
	add(groups, "little", 1)->oldest_ns = 0;
	group = add(groups, "much", 1200);
	group->leaked[LEAK_STALLED] = 34;
	page = page_of(groups, &none);
	has(page, "<strong id=\"leaks\">1,235 leaked sockets</strong>");
	has(page, "<bdi>much</bdi><div class=\"dim\">1,200 unclosed, 34 stalled</div></td>"
		  "<td>1,234</td><td>1h00m</td>");
	has(page, "<bdi>little</bdi><div class=\"dim\">1 unclosed</div></td>"
		  "<td>1</td><td>unknown</td>");
	assert_true(strstr(page, "much") < strstr(page, "little"));
	has(page, "<dt>unclosed</dt>");
	has(page, "<dt>stalled</dt>");
	has_not(page, "<dt>unread</dt>");
	has_not(page, "idle in a pool");
	free(page);
}

static void what_is_told_of_tcpwatch(void **state)
{
	static const struct metric_labels none;
	char *page = page_of(groups_of(&none), &none);

	(void)state;
	has(page, "<p class=\"dim\">1.2.3, mode tracepoints, up 2h00m</p>");
	has(page, "<td id=\"reported\">1,234</td>");
	has(page, "<td id=\"events\">56,789</td>");
	has(page, "<td id=\"lost\" class=\"bad\">7</td>");
	has(page, "<td id=\"kernel\">6.18-&#60;kernel&#62;</td>");
	/* Of the hour to page_of() on, and two hours before that: 1700000000 is 22:13:20. */
	has(page, "<td id=\"since\">2023-11-14 21:13:20 UTC</td>");
	has(page, "<td id=\"missing\">accept, time_wait, fin_wait2, overflow, half_open</td>");
	has(page, "href=\"/metrics\"");
	free(page);
}

static void names_are_no_markup(void **state)
{
	static const struct metric_labels none;
	static const char *const cases[][2] = {
		{"<script>", "&#60;script&#62;"},
		{"a&b\"c'd", "a&#38;b&#34;c&#39;d"},
		{"x\xff\x01\x7fy", "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy"},
		{"r\xe2\x80\xae\xe2\x81\xa7l", "r\xef\xbf\xbd\xef\xbf\xbdl"},
		{"\xef\xbb\xbf\xc2\x85\xe2\x80\x8b!", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!"},
		{"caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac"},
		{"\xf0\x9f\x90\x99", "\xf0\x9f\x90\x99"},
		{"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metric_groups *groups = groups_of(&none);
		char wanted[200], *page;

		add(groups, cases[i][0], 1);
		page = page_of(groups, &none);
		/* What is not UTF-8 became one byte of 0xff each when it was grouped. */
		snprintf(wanted, sizeof(wanted), "<bdi>%s</bdi>", cases[i][1]);
		has(page, wanted);
		free(page);
	}
}

static void those_with_most_come_first(void **state)
{
	static const struct metric_labels none;
	static const uint64_t leaks[] = {3, 9, 1, 12, 7, 5, 2, 8, 4, 11, 10, 6};
	struct metric_groups *groups = groups_of(&none);
	const char *at;
	char *page, comm[EVENT_COMM_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++) {
		snprintf(comm, sizeof(comm), "shop-%u", (unsigned int)leaks[i]);
		add(groups, comm, leaks[i]);
	}
	at = page = page_of(groups, &none);
	has(page, ">78 leaked sockets<");
	for (unsigned int rank = 12; rank > 2; rank--) {
		char wanted[40];

		snprintf(wanted, sizeof(wanted), "<bdi>shop-%u</bdi>", rank);
		at = strstr(at, wanted);
		assert_non_null(at);
	}
	has_not(page, "shop-2<");
	has_not(page, "shop-1<");
	has(page, "<td class=\"dim\">and 2 more</td>");
	free(page);
}

static void labels_are_shown(void **state)
{
	static const struct metric_labels all = {.pid = true, .netns = true, .cgroup = true};
	struct metric_groups *groups = groups_of(&all);
	const struct metric_key key = {.comm = "nginx",
				       .cgroup = metric_groups_hold(groups, "/a<b>"),
				       .pid = 17,
				       .netns = NETNS};
	char wanted[80], *page;

	(void)state;
	metric_groups_get(groups, &key)->leaked[LEAK_UNCLOSED] = 2;
	page = page_of(groups, &all);
	has(page, "</bdi> <span class=\"dim\">pid 17</span>");
	snprintf(wanted, sizeof(wanted), " <span class=\"dim\">netns %u</span>", NETNS);
	has(page, wanted);
	has(page, " <span class=\"dim\">cgroup /a&#60;b&#62;</span>");
	free(page);
}

static void findings_are_listed(void **state)
{
	static const struct metric_labels none;
	static const struct process process = {.tgid = 812, .comm = "sh<o>p"};
	static const struct process unknown = {.comm = "(several)"};
	const struct event_flow wire = make_flow("10.0.0.1", 80, "10.0.0.9", 5000);
	struct subject subjects[LANDING_ROWS + 2] = {
		{.id = FINDING_ACCEPT_STALL,
		 .severity = SEVERITY_CRITICAL,
		 .place = PLACE_LOCAL,
		 .since_ns = START_NS},
		{.id = FINDING_SYN_FLOOD,
		 .severity = SEVERITY_WARNING,
		 .since_ns = START_NS + HOUR_NS / 2},
		{.id = FINDING_DEAD_PEER,
		 .severity = SEVERITY_INFO,
		 .place = PLACE_PAIR,
		 .since_ns = START_NS + 2 * HOUR_NS}, /* the clocks of two looks */
	};
	struct finding_open open[LANDING_ROWS + 2];
	const struct finding_list three = {.open = open, .count = 3};
	const struct finding_list many = {.open = open, .count = LANDING_ROWS + 2};
	const struct finding_list lesser = {.open = open + 2, .count = 1};
	char *page;

	(void)state;
	for (size_t i = 0; i < LANDING_ROWS + 2; i++) {
		flow_read(&subjects[i].flow, &wire, NETNS);
		open[i] = (struct finding_open){.subject = &subjects[i], .process = &process};
	}
	open[1].process = NULL;
	open[2].process = &unknown;
	page = page_with(groups_of(&none), &none, &three);
	has(page, "<strong id=\"leaks\">No leaked sockets, but something else is wrong</strong>");
	has(page, "verdict bad");
	has(page, "fill='%23d93025'");
	has(page,
	    "<span class=\"severity critical\">critical</span> accept-stall<div class=\"dim\">"
	    "<bdi>sh&#60;o&#62;p</bdi> pid 812, 10.0.0.1:80</div></td><td>1h00m ago</td>");
	has(page, "<span class=\"severity warning\">warning</span> syn-flood<div class=\"dim\">"
		  "</div></td><td>30m00s ago</td>");
	has(page, "<span class=\"severity info\">info</span> dead-peer<div class=\"dim\">"
		  "<bdi>(several)</bdi>, 10.0.0.1 -&#62; 10.0.0.9:5000</div></td><td>0ns ago</td>");
	has_not(page, " more</td>");
	free(page);
	page = page_with(groups_of(&none), &none, &many);
	has(page, "<td class=\"dim\">and 2 more</td>");
	free(page);
	/* What may be on purpose alarms nobody. */
	page = page_with(groups_of(&none), &none, &lesser);
	has(page, "<strong id=\"leaks\">No leaked sockets</strong>");
	has(page, "verdict good");
	has(page, "fill='%231e8e3e'");
	has(page, "dead-peer");
	free(page);
	page = page_of(groups_of(&none), &none);
	has_not(page, "id=\"findings\"");
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_leaks),       cmocka_unit_test(losses_make_it_incomplete),
		cmocka_unit_test(who_leaks_and_how),   cmocka_unit_test(what_is_told_of_tcpwatch),
		cmocka_unit_test(names_are_no_markup), cmocka_unit_test(those_with_most_come_first),
		cmocka_unit_test(labels_are_shown),    cmocka_unit_test(findings_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
