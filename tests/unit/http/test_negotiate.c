// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/negotiate.h"

#define OPEN_METRICS "application/openmetrics-text"

enum { TEXT, OPEN };

static const struct http_offer offers[] = {{"text/plain", "0.0.4"}, {OPEN_METRICS, "1.0.0"}};

/* On the heap and exactly so long: what is read beyond it is found by the sanitizers. */
static void check(const char *accept, size_t wanted)
{
	char *exact = strdup(accept);
	size_t chosen;

	assert_non_null(exact);
	chosen = http_negotiate(exact, offers, 2);
	free(exact);
	if (chosen != wanted)
		fail_msg("\"%s\" is answered with %s", accept, offers[chosen].type);
}

#define PROTOBUF                                                                                   \
	"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"                 \
	"encoding=delimited"

/* As they send it: 2.42; 2.50 with native histograms; 3.0 and later, without and with them;
 * VictoriaMetrics. */
static void prometheus_gets_open_metrics(void **state)
{
	(void)state;
	check(OPEN_METRICS ";version=1.0.0," OPEN_METRICS ";version=0.0.1;q=0.75,"
			   "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	      OPEN);
	check(PROTOBUF ";q=0.7," OPEN_METRICS ";version=1.0.0;q=0.6," OPEN_METRICS
		       ";version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
	      OPEN);
	check(OPEN_METRICS ";version=1.0.0;escaping=allow-utf-8;q=0.6," OPEN_METRICS
			   ";version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;"
			   "q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
	      OPEN);
	check(PROTOBUF ";escaping=allow-utf-8;q=0.6," OPEN_METRICS
		       ";version=1.0.0;escaping=allow-utf-8;q=0.5," OPEN_METRICS
		       ";version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
		       "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
	      OPEN);
	check("text/plain;version=0.0.4;q=1,*/*;q=0.1", TEXT);
}

/* scrape_protocols: [PrometheusText0.0.4], or OpenMetrics behind it. */
static void prometheus_may_want_text(void **state)
{
	(void)state;
	check("text/plain;version=0.0.4;q=0.6," OPEN_METRICS ";version=1.0.0;q=0.5,*/*;q=0.1",
	      TEXT);
	check("text/plain;version=0.0.4;q=0.2,*/*;q=0.1", TEXT);
	check(OPEN_METRICS ";version=0.0.1;q=0.6,*/*;q=0.1", TEXT);
	check(PROTOBUF ";q=0.2,*/*;q=0.1", TEXT);
}

static void without_a_wish_it_is_text(void **state)
{
	(void)state;
	assert_int_equal(http_negotiate(NULL, offers, 2), TEXT);
	check("", TEXT);
	check(" \t,, ,", TEXT);
	check("*/*", TEXT);
	check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT);
	check("image/png", TEXT);
	check("application/json;q=0.5", TEXT);
	check("text/plain;q=0", TEXT);
	check("*/*;q=0", TEXT);
}

static void the_higher_q_wins(void **state)
{
	(void)state;
	check("text/plain;q=0.5," OPEN_METRICS ";q=0.6", OPEN);
	check("text/plain;q=0.6," OPEN_METRICS ";q=0.5", TEXT);
	check(OPEN_METRICS ";q=0.999,text/plain", TEXT);
	check("text/plain;q=0.001," OPEN_METRICS ";q=0.002", OPEN);
	/* More digits than there may be. */
	check("text/plain;q=0.3331," OPEN_METRICS ";q=0.3339", TEXT);
	check("text/plain;q=0.333," OPEN_METRICS ";q=0.3340000000000000", OPEN);
}

static void a_q_of_0_is_no(void **state)
{
	static const char *const zeros[] = {"0", "0.", "0.0", "0.00", "0.000", "0.0000"};
	char accept[80];

	(void)state;
	for (size_t i = 0; i < sizeof(zeros) / sizeof(*zeros); i++) {
		snprintf(accept, sizeof(accept), OPEN_METRICS ";q=%s", zeros[i]);
		check(accept, TEXT);
		snprintf(accept, sizeof(accept), OPEN_METRICS "; Q=%s,*/*;q=0.1", zeros[i]);
		check(accept, TEXT);
		snprintf(accept, sizeof(accept), "text/plain;q=%s,*/*;q=0.1", zeros[i]);
		check(accept, OPEN);
	}
	check(OPEN_METRICS ";q=0.001", OPEN);
}

/* RFC 9110, 12.5.1: the most specific range decides on an offer. */
static void the_most_exact_range_decides(void **state)
{
	(void)state;
	check("*/*;q=0.9," OPEN_METRICS ";q=0.1", TEXT);
	check("*/*;q=0.1," OPEN_METRICS ";q=0.9", OPEN);
	check("text/*;q=0.3,application/*;q=0.4", OPEN);
	check("application/*;q=0.4,application/openmetrics-text;q=0.2,text/*;q=0.3", TEXT);
	check(OPEN_METRICS ";q=0.9," OPEN_METRICS ";version=1.0.0;q=0,*/*;q=0.5", TEXT);
	check(OPEN_METRICS ";q=0," OPEN_METRICS ";version=1.0.0,*/*;q=0.5", OPEN);
	check("text/*,text/plain;q=0.1,application/*;q=0.5", OPEN);
}

static void of_equals_the_more_exact_and_then_the_first(void **state)
{
	(void)state;
	check(OPEN_METRICS ",*/*", OPEN);
	check("*/*," OPEN_METRICS, OPEN);
	check(OPEN_METRICS ",text/plain", OPEN);
	check("text/plain," OPEN_METRICS, TEXT);
	check("text/plain," OPEN_METRICS ";version=1.0.0", OPEN);
	check("application/*,text/*", OPEN);
}

static void any_entry_counts_not_only_the_first(void **state)
{
	(void)state;
	check(OPEN_METRICS ";version=0.0.1," OPEN_METRICS ";version=1.0.0", OPEN);
	check(OPEN_METRICS ";version=2.0.0;q=0.9," OPEN_METRICS ";version=1.0.0;q=0.8,*/*;q=0.1",
	      OPEN);
	check(OPEN_METRICS ";version=0.0.1;q=0," OPEN_METRICS ";q=0.5", OPEN);
}

static void versions_are_whole(void **state)
{
	(void)state;
	check(OPEN_METRICS ";version=1.0.0", OPEN);
	check(OPEN_METRICS ";version=1.0.00", TEXT);
	check(OPEN_METRICS ";version=1.0", TEXT);
	check(OPEN_METRICS ";version=1.0.0-rc.1", TEXT);
	check(OPEN_METRICS ";version=0.0.1", TEXT);
	check("text/plain;version=1.0.0," OPEN_METRICS ";version=1.0.0;q=0.1", OPEN);
	check(OPEN_METRICS ";version=1.0.0000000000000000000000000000000000000000000000000", TEXT);
}

static void values_may_be_quoted(void **state)
{
	(void)state;
	check(OPEN_METRICS ";version=\"1.0.0\"", OPEN);
	check(OPEN_METRICS ";version=\"1\\.0.0\"", OPEN);
	check(OPEN_METRICS ";version=\"0.0.1\"", TEXT);
	check(OPEN_METRICS ";q=\"0\"", TEXT);
	check(OPEN_METRICS ";charset=\"UTF-8\"", OPEN);
	check(OPEN_METRICS ";charset=iso-8859-1", TEXT);
	/* Commas, semicolons and quotes in them are theirs. */
	check("text/plain;note=\"," OPEN_METRICS ",\"", TEXT);
	check("image/x;note=\"\\\"," OPEN_METRICS "\"", TEXT);
	check(OPEN_METRICS ";note=\"a,b;q=0\"", OPEN);
}

static void case_and_space_do_not_matter(void **state)
{
	(void)state;
	check("APPLICATION/OpenMetrics-Text;VERSION=1.0.0", OPEN);
	check(" " OPEN_METRICS " ; version=1.0.0 ;\tq=0.5 , text/plain;q=0.4", OPEN);
	check(OPEN_METRICS ";;version=1.0.0;", OPEN);
}

static void names_are_whole(void **state)
{
	(void)state;
	check("application/openmetrics-text2", TEXT);
	check("application/openmetrics", TEXT);
	check("xapplication/openmetrics-text", TEXT);
	check("*/openmetrics-text", TEXT);
	check("application/openmetrics-text/x", TEXT);
}

/* ... and do not harm their neighbours. */
static void what_is_not_well_formed_does_not_count(void **state)
{
	static const char *const bad[] = {
		"application",
		"application/",
		"/openmetrics-text",
		OPEN_METRICS ";q=2",
		OPEN_METRICS ";q",
		OPEN_METRICS ";q=",
		OPEN_METRICS ";q=-1",
		OPEN_METRICS ";q=1.001",
		OPEN_METRICS ";q=x",
		OPEN_METRICS ";q=0.5x",
		OPEN_METRICS " x",
		OPEN_METRICS ";version=",
		OPEN_METRICS ";=1",
		OPEN_METRICS ";q=.5",
		"\"",
		"\"\\",
	};
	char accept[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check(bad[i], TEXT);
		snprintf(accept, sizeof(accept), OPEN_METRICS ";q=0.5,%s", bad[i]);
		check(accept, OPEN);
		if (*bad[i] == '"') /* takes the rest into its string */
			continue;
		snprintf(accept, sizeof(accept), "%s," OPEN_METRICS, bad[i]);
		check(accept, OPEN);
	}
	check(OPEN_METRICS ";version=\"1.0.0", TEXT);
}

static void a_hundred_thousand_entries_take_no_time(void **state)
{
	size_t size = 100000;
	char *accept = malloc(size + 1);

	(void)state;
	assert_non_null(accept);
	memset(accept, ',', size);
	accept[size] = '\0';
	assert_int_equal(http_negotiate(accept, offers, 2), TEXT);
	memset(accept, '"', size);
	assert_int_equal(http_negotiate(accept, offers, 2), TEXT);
	free(accept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prometheus_gets_open_metrics),
		cmocka_unit_test(prometheus_may_want_text),
		cmocka_unit_test(without_a_wish_it_is_text),
		cmocka_unit_test(the_higher_q_wins),
		cmocka_unit_test(a_q_of_0_is_no),
		cmocka_unit_test(the_most_exact_range_decides),
		cmocka_unit_test(of_equals_the_more_exact_and_then_the_first),
		cmocka_unit_test(any_entry_counts_not_only_the_first),
		cmocka_unit_test(versions_are_whole),
		cmocka_unit_test(values_may_be_quoted),
		cmocka_unit_test(case_and_space_do_not_matter),
		cmocka_unit_test(names_are_whole),
		cmocka_unit_test(what_is_not_well_formed_does_not_count),
		cmocka_unit_test(a_hundred_thousand_entries_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
