// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <ctype.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metric/prometheus.h"

#define ALL_FEATURES ((feature_set)(1U << FEATURES) - 1)
#define CORE_FEATURES                                                                              \
	(1U << FEATURE_TRANSITIONS | 1U << FEATURE_DESCRIPTORS | 1U << FEATURE_TABLES |            \
	 1U << FEATURE_CLOSES)

/* A page and its content: two commands and "other". */
struct page {
	struct metric_groups *groups;
	struct metric_text text; /* terminated */
};

static struct metric_group *group_of(struct metric_groups *groups, const char *comm)
{
	struct metric_key key = {.pid = 17, .netns = NETNS};
	struct metric_group *group;

	memcpy(key.comm, comm, strlen(comm));
	group = metric_groups_get(groups, &key);
	assert_non_null(group);
	return group;
}

static void fill(struct metric_groups *groups)
{
	struct metric_group *group = group_of(groups, "forgetful");

	group->sockets[TCP_CLOSE_WAIT] = 2;
	group->sockets[TCP_LISTEN] = 1;
	group->leaked[LEAK_UNCLOSED] = 2;
	group->leaks[LEAK_UNCLOSED] = 3;
	group->oldest_ns = START_NS;
	group->findings[FINDING_DEAD_PEER] = 2;
	group->transitions[TCP_ESTABLISHED][TCP_CLOSE_WAIT] = 4;
	group->transitions[TCP_LISTEN][TCP_TIME_WAIT] = 1; /* not a usual one */
	metric_histogram_record(&group->lifetimes[TCP_CLOSE_WAIT], 300 * NS_PER_MS);
	metric_histogram_record(&group->lifetimes[TCP_CLOSE_WAIT], 10 * NS_PER_US);
	metric_histogram_record(&group->lifetimes[TCP_CLOSE_WAIT], 700000 * NS_PER_S);
	metric_histogram_record(&group->accept_wait, NS_PER_MS);
	group->segments.repeated[TCP_ESTABLISHED] = 5;
	group->segments.repeated[TCP_FIN_WAIT2] = 6; /* not a usual one */
	group->segments.resets_received = 7;
	group = group_of(groups, "a\"b\\c\nd\xff");
	group->sockets[TCP_ESTABLISHED] = UINT64_MAX;
}

static struct page make_page(feature_set features, struct metric_labels labels, bool open_metrics)
{
	static const struct ledger ledger = {
		.seen = 1000, .delivered = 990, .lost = {[LOST_RING_FULL] = 10}};
	static const struct clock clock = {.monotonic_to_wall_ns = 1700000000 * (int64_t)NS_PER_S};
	struct page page = {.groups = metric_groups_new(&labels, 10),
			    .text = {.open_metrics = open_metrics}};
	const struct metrics_page made_of = {
		.groups = page.groups,
		.labels = labels,
		.ledger = &ledger,
		.clock = &clock,
		.version = "1.2.3",
		.kernel = "6.1.0-test",
		.features = features,
	};

	assert_non_null(page.groups);
	fill(page.groups);
	metrics_write(&page.text, &made_of);
	assert_false(page.text.no_memory);
	page.text.data = realloc(page.text.data, page.text.size + 1);
	assert_non_null(page.text.data);
	page.text.data[page.text.size] = '\0';
	assert_int_equal(strlen(page.text.data), page.text.size);
	return page;
}

static struct page make_plain_page(void)
{
	return make_page(ALL_FEATURES, (struct metric_labels){0}, false);
}

static void page_free(struct page *page)
{
	metric_groups_free(page->groups);
	free(page->text.data);
}

static void check_has(const struct page *page, const char *wanted)
{
	if (!strstr(page->text.data, wanted))
		fail_msg("no \"%s\" in:\n%s", wanted, page->text.data);
}

static void check_has_not(const struct page *page, const char *unwanted)
{
	const char *at = strstr(page->text.data, unwanted);

	if (at)
		fail_msg("\"%s\" at: %.200s", unwanted, at);
}

static size_t count_of(const struct page *page, const char *what)
{
	size_t count = 0;

	for (const char *at = page->text.data; (at = strstr(at, what)); at++)
		count++;
	return count;
}

/* Only with -s. */
static void refused_stacks(void **state)
{
	struct page page = make_plain_page();
	const struct ledger ledger = {0};
	const struct clock clock = {0};
	const struct metrics_page with = {
		.groups = page.groups,
		.ledger = &ledger,
		.clock = &clock,
		.version = "1.2.3",
		.kernel = "6.1.0-test",
		.has_stacks = true,
		.stacks_refused = 17,
		.unanswered = 5,
	};

	(void)state;
	check_has_not(&page, "tcpwatch_stacks_refused");
	free(page.text.data);
	page.text = (struct metric_text){0};
	metrics_write(&page.text, &with);
	check_has(&page, "# TYPE tcpwatch_stacks_refused_total counter\n"
			 "tcpwatch_stacks_refused_total 17\n");
	check_has(&page, "# TYPE tcpwatch_host_questions_unanswered_total counter\n"
			 "tcpwatch_host_questions_unanswered_total 5\n");
	page_free(&page);
}

static void families_are_as_they_always_were(void **state)
{
	struct page page = make_plain_page();

	(void)state;
	check_has(&page,
		  "# HELP tcpwatch_leaked_sockets Sockets that were reported as leaked and are "
		  "still in CLOSE_WAIT.\n"
		  "# TYPE tcpwatch_leaked_sockets gauge\n"
		  "tcpwatch_leaked_sockets{comm=\"forgetful\",kind=\"unclosed\"} 2\n"
		  "tcpwatch_leaked_sockets{comm=\"forgetful\",kind=\"unread\"} 0\n"
		  "tcpwatch_leaked_sockets{comm=\"forgetful\",kind=\"unaccepted\"} 0\n"
		  "tcpwatch_leaked_sockets{comm=\"forgetful\",kind=\"stalled\"} 0\n"
		  "tcpwatch_leaked_sockets{comm=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\",kind=\"unclosed\"} "
		  "0\n");
	check_has(&page, "# HELP tcpwatch_leaks_total Leaks reported.\n"
			 "# TYPE tcpwatch_leaks_total counter\n"
			 "tcpwatch_leaks_total{comm=\"forgetful\",kind=\"unclosed\"} 3\n");
	check_has(&page,
		  "# HELP tcpwatch_oldest_close_wait_timestamp_seconds When the oldest socket in "
		  "CLOSE_WAIT entered it, since the epoch.\n"
		  "# TYPE tcpwatch_oldest_close_wait_timestamp_seconds gauge\n"
		  "tcpwatch_oldest_close_wait_timestamp_seconds{comm=\"forgetful\"} "
		  "1700001000.000000000\n"
		  "# HELP tcpwatch_findings Findings that are open.\n"
		  "# TYPE tcpwatch_findings gauge\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"close-wait-leak\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"accept-stall\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"time-wait-churn\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"pool-thrash\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"connect-stuck\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"syn-flood\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"fin-wait2-stuck\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"last-ack-stuck\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"dead-peer\"} 2\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"reset-storm\"} 0\n"
		  "tcpwatch_findings{comm=\"forgetful\",finding=\"descriptor-leak\"} 0\n");
	check_has(&page,
		  "# HELP tcpwatch_retransmits_total Segments that were sent again, by the state "
		  "of their socket.\n"
		  "# TYPE tcpwatch_retransmits_total counter\n"
		  "tcpwatch_retransmits_total{comm=\"forgetful\",state=\"ESTABLISHED\"} 5\n"
		  "tcpwatch_retransmits_total{comm=\"forgetful\",state=\"SYN_SENT\"} 0\n"
		  "tcpwatch_retransmits_total{comm=\"forgetful\",state=\"SYN_RECV\"} 0\n"
		  "tcpwatch_retransmits_total{comm=\"forgetful\",state=\"FIN_WAIT1\"} 0\n"
		  "tcpwatch_retransmits_total{comm=\"forgetful\",state=\"FIN_WAIT2\"} 6\n");
	check_has(&page, "# HELP tcpwatch_resets_total Resets sent and received over sockets.\n"
			 "# TYPE tcpwatch_resets_total counter\n"
			 "tcpwatch_resets_total{comm=\"forgetful\",direction=\"sent\"} 0\n"
			 "tcpwatch_resets_total{comm=\"forgetful\",direction=\"received\"} 7\n");
	check_has(&page,
		  "tcpwatch_resets_total{comm=\"other\",direction=\"received\"} 0\n"
		  "# HELP tcpwatch_events_total Events in the kernel that were to be told, "
		  "delivered or lost.\n"
		  "# TYPE tcpwatch_events_total counter\n"
		  "tcpwatch_events_total 1000\n"
		  "# HELP tcpwatch_events_lost_total Events that were lost on the way from the "
		  "kernel.\n"
		  "# TYPE tcpwatch_events_lost_total counter\n"
		  "tcpwatch_events_lost_total{reason=\"ring_full\"} 10\n"
		  "tcpwatch_events_lost_total{reason=\"recursion\"} 0\n"
		  "tcpwatch_events_lost_total{reason=\"malformed\"} 0\n");
	check_has(&page, "tcpwatch_build_info{version=\"1.2.3\",kernel=\"6.1.0-test\","
			 "mode=\"full\"} 1\n");
	check_has(&page, "tcpwatch_sockets{comm=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\","
			 "state=\"ESTABLISHED\"} 18446744073709551615\n");
	page_free(&page);
}

static void a_histogram_is_cumulative(void **state)
{
#define SERIES "tcpwatch_state_duration_seconds"
#define LABELS "{comm=\"forgetful\",state=\"CLOSE_WAIT\""
#define BUCKET SERIES "_bucket" LABELS ",le=\""
	struct page page = make_plain_page();

	(void)state;
	check_has(&page,
		  BUCKET "1e-05\"} 1\n" BUCKET "0.0001\"} 1\n" BUCKET "0.001\"} 1\n" BUCKET
			 "0.01\"} 1\n" BUCKET "0.1\"} 1\n" BUCKET "1.0\"} 2\n" BUCKET
			 "10.0\"} 2\n" BUCKET "60.0\"} 2\n" BUCKET "127.0\"} 2\n" BUCKET
			 "300.0\"} 2\n" BUCKET "925.0\"} 2\n" BUCKET "7200.0\"} 2\n" BUCKET
			 "86400.0\"} 2\n" BUCKET "604800.0\"} 2\n" BUCKET "+Inf\"} 3\n" SERIES
			 "_sum" LABELS "} 700000.300010000\n" SERIES "_count" LABELS "} 3\n");
	check_has(&page,
		  "tcpwatch_accept_wait_seconds_bucket{comm=\"forgetful\",le=\"0.001\"} 1\n");
	check_has(&page, "tcpwatch_accept_wait_seconds_count{comm=\"other\"} 0\n");
	page_free(&page);
}

/* The name; labels, each a name and a quoted value; a space and a number. */
static bool is_sample(const char *line, const char *end)
{
	const char *at = line;

	while (isalnum((unsigned char)*at) || *at == '_')
		at++;
	if (at == line)
		return false;
	if (*at == '{') {
		do {
			const char *name = ++at;

			while (isalpha((unsigned char)*at) || *at == '_')
				at++;
			if (at == name || *at++ != '=' || *at++ != '"')
				return false;
			for (; at < end && *at != '"'; at++)
				if (*at == '\\' && !strchr("\\\"n", *++at))
					return false;
			at++;
		} while (*at == ',');
		if (*at++ != '}')
			return false;
	}
	return *at++ == ' ' && at < end && at + strspn(at, "0123456789.") == end;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Each line is a sample that occurs once, or begins a family. */
static void check_lines(struct page *page)
{
	static char *samples[10000];
	size_t count = 0;

	for (char *line = strtok(page->text.data, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "# HELP ", 7) || !strncmp(line, "# TYPE ", 7) ||
		    !strcmp(line, "# EOF"))
			continue;
		if (!is_sample(line, line + strlen(line)))
			fail_msg("no sample: %s", line);
		*strrchr(line, ' ') = '\0';
		assert_true(count < ARRAY_SIZE(samples));
		samples[count++] = line;
	}
	assert_true(count > 300);
	qsort(samples, count, sizeof(*samples), compare);
	for (size_t i = 1; i < count; i++)
		assert_string_not_equal(samples[i - 1], samples[i]);
}

static void every_line_is_a_series_of_its_own(void **state)
{
	static const struct metric_labels labels[] = {{0},
						      {.pid = true, .cgroup = true, .netns = true}};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(labels); i++) {
		struct page page = make_page(ALL_FEATURES, labels[i / 2], i % 2);

		check_lines(&page);
		page_free(&page);
	}
}

/* Alerts and rates need a 0 at the start, for every group and "other". */
static void what_has_not_happened_is_there_with_0(void **state)
{
	static const char *const kinds[] = {"unclosed", "unread", "unaccepted", "stalled"};
	struct page page = make_plain_page();
	char wanted[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(wanted, sizeof(wanted),
			 "\ntcpwatch_leaked_sockets{comm=\"other\",kind=\"%s\"} 0\n", kinds[i]);
		check_has(&page, wanted);
		snprintf(wanted, sizeof(wanted),
			 "\ntcpwatch_leaks_total{comm=\"other\",kind=\"%s\"} 0\n", kinds[i]);
		check_has(&page, wanted);
	}
	for (unsigned int i = TCP_ESTABLISHED; i < TCP_STATES; i++) {
		snprintf(wanted, sizeof(wanted),
			 "\ntcpwatch_sockets{comm=\"other\",state=\"%s\"} 0\n", tcp_state_name(i));
		assert_int_equal(!!strstr(page.text.data, wanted), i != TCP_CLOSE);
		snprintf(wanted, sizeof(wanted),
			 "_duration_seconds_count{comm=\"other\",state=\"%s\"} 0\n",
			 tcp_state_name(i));
		assert_int_equal(!!strstr(page.text.data, wanted), i != TCP_CLOSE);
	}
	assert_int_equal(count_of(&page, "\ntcpwatch_sockets{"), 3 * 10);
	assert_int_equal(count_of(&page, "\ntcpwatch_leaks_total{"), 3 * 4);
	assert_int_equal(count_of(&page, "\ntcpwatch_idle_sockets{"), 3);
	assert_int_equal(count_of(&page, "\ntcpwatch_findings{"), 3 * FINDINGS);
	check_has(&page, "\ntcpwatch_findings{comm=\"other\",finding=\"reset-storm\"} 0\n");
	/* Without a socket there is no time. */
	assert_int_equal(count_of(&page, "\ntcpwatch_oldest_close_wait_timestamp_seconds{"), 1);
	page_free(&page);
}

/* The numbers of docs/metrics.md, on which sample_limit in deploy/ depends. */
static void a_group_has_as_many_series_as_the_documentation_says(void **state)
{
	struct page page = make_plain_page();

	(void)state;
	assert_int_equal(count_of(&page, "{comm=\"other\""), 248);
	page_free(&page);
	page = make_page(CORE_FEATURES, (struct metric_labels){0}, false);
	assert_int_equal(count_of(&page, "{comm=\"other\""), 200);
	page_free(&page);
}

static void known_transitions_are_there_and_others_when_they_happen(void **state)
{
	struct page page = make_plain_page();

	(void)state;
	check_has(&page, "\ntcpwatch_transitions_total{comm=\"forgetful\",from=\"ESTABLISHED\","
			 "to=\"CLOSE_WAIT\"} 4\n");
	check_has(&page, "\ntcpwatch_transitions_total{comm=\"other\",from=\"ESTABLISHED\","
			 "to=\"CLOSE_WAIT\"} 0\n");
	check_has(&page, "\ntcpwatch_transitions_total{comm=\"other\",from=\"FIN_WAIT2\","
			 "to=\"TIME_WAIT\"} 0\n");
	check_has(&page, "{comm=\"forgetful\",from=\"LISTEN\",to=\"TIME_WAIT\"} 1\n");
	check_has_not(&page, "{comm=\"other\",from=\"LISTEN\",to=\"TIME_WAIT\"}");
	assert_int_equal(count_of(&page, "\ntcpwatch_transitions_total{comm=\"other\","), 17 + 5);
	page_free(&page);
}

static void what_the_kernel_does_not_tell_is_absent(void **state)
{
	struct page page = make_page(CORE_FEATURES, (struct metric_labels){0}, false);

	(void)state;
	check_has_not(&page, "tcpwatch_accept_wait_seconds");
	check_has_not(&page, "tcpwatch_retransmits");
	check_has_not(&page, "tcpwatch_resets");
	check_has_not(&page, "tcpwatch_state_duration_seconds_count{comm=\"forgetful\","
			     "state=\"TIME_WAIT\"}");
	check_has_not(&page, "{comm=\"other\",from=\"TIME_WAIT\"");
	assert_int_equal(count_of(&page, "\ntcpwatch_transitions_total{comm=\"other\","), 17);
	check_has(&page, "mode=\"tracepoints\"} 1\n");
	check_has(&page, "tcpwatch_features{feature=\"transitions\"} 1\n");
	check_has(&page, "tcpwatch_features{feature=\"accept\"} 0\n");
	check_has(&page, "tcpwatch_features{feature=\"time_wait\"} 0\n");
	check_has_not(&page, "feature=\"forks\"");
	page_free(&page);
}

/* Each of the four hooks may be missing. */
static void each_half_of_what_segments_tell_may_be_absent(void **state)
{
	static const struct {
		enum feature feature;
		const char *has, *lacks;
	} cases[] = {
		{FEATURE_RETRANSMITS, "_retransmits_total{comm=\"other\",state=\"ESTABLISHED\"} 0",
		 "_retransmits_total{comm=\"other\",state=\"SYN_RECV\"}"},
		{FEATURE_SYNACKS, "_retransmits_total{comm=\"other\",state=\"SYN_RECV\"} 0",
		 "_retransmits_total{comm=\"other\",state=\"ESTABLISHED\"}"},
		{FEATURE_RESETS_SENT, "_resets_total{comm=\"other\",direction=\"sent\"} 0",
		 "direction=\"received\""},
		{FEATURE_RESETS_RECEIVED, "_resets_total{comm=\"other\",direction=\"received\"} 0",
		 "direction=\"sent\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct page page = make_page(CORE_FEATURES | 1u << cases[i].feature,
					     (struct metric_labels){0}, false);

		check_has(&page, cases[i].has);
		check_has_not(&page, cases[i].lacks);
		page_free(&page);
	}
}

static void labels_that_are_asked_for_are_there(void **state)
{
	struct page page =
		make_page(ALL_FEATURES, (struct metric_labels){.pid = true, .netns = true}, false);

	(void)state;
	check_has(&page,
		  "\ntcpwatch_leaks_total{comm=\"forgetful\",pid=\"17\",netns=\"4026531840\","
		  "kind=\"unclosed\"} 3\n");
	check_has(&page, "\ntcpwatch_leaks_total{comm=\"other\",pid=\"\",netns=\"\","
			 "kind=\"unclosed\"} 0\n");
	check_has_not(&page, "cgroup=");
	page_free(&page);
}

static void open_metrics_differs_in_families_of_counters_and_the_end(void **state)
{
	struct page plain = make_plain_page();
	struct page page = make_page(ALL_FEATURES, (struct metric_labels){0}, true);

	(void)state;
	check_has(&page, "# TYPE tcpwatch_leaks counter\n"
			 "tcpwatch_leaks_total{comm=\"forgetful\",kind=\"unclosed\"} 3\n");
	check_has(&page, "# TYPE process_cpu_seconds counter\nprocess_cpu_seconds_total ");
	check_has_not(&page, "# TYPE tcpwatch_leaks_total");
	assert_string_equal(page.text.data + page.text.size - 6, "# EOF\n");
	assert_int_equal(count_of(&page, "# EOF"), 1);
	check_has_not(&plain, "# EOF");
	check_has(&plain, "# TYPE process_cpu_seconds_total counter\n");
	page_free(&page);
	page_free(&plain);
}

/* A series whose `le` is written in another way is another series. */
static void bounds_are_written_the_same_in_both_formats(void **state)
{
	struct page plain = make_plain_page();
	struct page page = make_page(ALL_FEATURES, (struct metric_labels){0}, true);
	const char *a = plain.text.data, *b = page.text.data;
	size_t count = 0;

	(void)state;
	while ((a = strstr(a, ",le=\""))) {
		size_t length = strcspn(a, "}");

		b = strstr(b, ",le=\"");
		assert_non_null(b);
		assert_int_equal(strcspn(b, "}"), length);
		assert_memory_equal(a, b, length);
		a++;
		b++;
		count++;
	}
	assert_int_equal(count_of(&page, ",le=\""), count);
	/* 3 groups, 10 states and accept(), 15 buckets */
	assert_int_equal(count, 3 * 11 * 15);
	page_free(&page);
	page_free(&plain);
}

static void a_format_has_its_content_type(void **state)
{
	(void)state;
	assert_string_equal(metrics_content_type(false),
			    "text/plain; version=0.0.4; charset=utf-8");
	assert_string_equal(metrics_content_type(true),
			    "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

static void promtool_has_nothing_to_say(void **state)
{
	struct page page = make_plain_page();
	char path[] = "/tmp/tcpwatch-page-XXXXXX", command[128], said[1024];
	int fd = mkstemp(path);
	size_t length;
	FILE *pipe;
	int status;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, page.text.data, page.text.size), page.text.size);
	close(fd);
	page_free(&page);
	snprintf(command, sizeof(command), "promtool check metrics <%s 2>&1", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	length = fread(said, 1, sizeof(said) - 1, pipe);
	said[length] = '\0';
	status = pclose(pipe);
	unlink(path);
	if (status || length)
		fail_msg("promtool: status %d: %s", WEXITSTATUS(status), said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_are_as_they_always_were),
		cmocka_unit_test(a_histogram_is_cumulative),
		cmocka_unit_test(every_line_is_a_series_of_its_own),
		cmocka_unit_test(what_has_not_happened_is_there_with_0),
		cmocka_unit_test(a_group_has_as_many_series_as_the_documentation_says),
		cmocka_unit_test(known_transitions_are_there_and_others_when_they_happen),
		cmocka_unit_test(what_the_kernel_does_not_tell_is_absent),
		cmocka_unit_test(each_half_of_what_segments_tell_may_be_absent),
		cmocka_unit_test(labels_that_are_asked_for_are_there),
		cmocka_unit_test(open_metrics_differs_in_families_of_counters_and_the_end),
		cmocka_unit_test(bounds_are_written_the_same_in_both_formats),
		cmocka_unit_test(a_format_has_its_content_type),
		cmocka_unit_test(promtool_has_nothing_to_say),
		cmocka_unit_test(refused_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
