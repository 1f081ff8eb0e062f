// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <crypt.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/units.h"
#include "http/auth.h"
#include "http/auth_worker.h"
#include "http/basic.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void headers_are_read(void **state)
{
	static const struct {
		const char *header, *user, *password;
	} rights[] = {
		{"Basic YWxpY2U6c2VjcmV0", "alice", "secret"},
		{"basic   YWxpY2U6c2VjcmV0 ", "alice", "secret"},
		{"BASIC YTpi", "a", "b"},
		{"Basic YTpiOmM=", "a", "b:c"},
		{"Basic YTpiOmM", "a", "b:c"},
		{"Basic YTo=", "a", ""},
		{"Basic w6Q6w7w=", "\xc3\xa4", "\xc3\xbc"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		struct http_credentials credentials;

		assert_int_equal(http_basic_parse(&credentials, rights[i].header), 0);
		assert_string_equal(credentials.user, rights[i].user);
		assert_string_equal(credentials.password, rights[i].password);
	}
}

static void headers_are_refused(void **state)
{
	static const char *const wrongs[] = {
		"",
		"Basic",
		"Basic ",
		"Basic YQ==",	   /* no colon */
		"Basic OmI=",	   /* no user */
		"Basic YTpiAGM=",  /* a zero byte */
		"Basic YTpi!",	   /* not base64 */
		"Basic YTpi YTpi", /* two */
		"Basic YTpiO",	   /* cut */
		"Basic YTpiOmN=",  /* bits left over */
		"Bearer YTpi",
		"BasicYTpi",
	};
	struct http_credentials credentials;
	char header[2000] = "Basic ";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		if (http_basic_parse(&credentials, wrongs[i]) != -EINVAL)
			fail_msg("'%s'", wrongs[i]);
		assert_int_equal(credentials.user[0], 0);
	}
	assert_int_equal(http_basic_parse(&credentials, NULL), -EINVAL);
	for (size_t length = 8; length < sizeof(header) - 6; length += 4) {
		memset(header + 6, 'Y', length);
		assert_int_equal(http_basic_parse(&credentials, header), -EINVAL);
	}
}

static void comparing_sees_every_byte(void **state)
{
	unsigned char a[100] = {0}, b[100] = {0};

	(void)state;
	assert_true(http_secret_equal(a, b, sizeof(a)));
	assert_true(http_secret_equal(a, b, 0));
	for (size_t i = 0; i < sizeof(a); i++) {
		for (unsigned int bit = 1; bit < 256; bit <<= 1) {
			b[i] = (unsigned char)bit;
			assert_false(http_secret_equal(a, b, sizeof(a)));
		}
		b[i] = 0;
	}
}

static uint64_t compare_ns(const char *a, const char *b, size_t size)
{
	uint64_t best_ns = UINT64_MAX;

	for (int round = 0; round < 50; round++) {
		uint64_t start_ns = clock_now();

		for (int i = 0; i < 20; i++)
			(void)http_secret_equal(a, b, size);
		start_ns = clock_now() - start_ns;
		best_ns = start_ns < best_ns ? start_ns : best_ns;
	}
	return best_ns;
}

/* memcmp() would take hundreds of times longer for what is the same but for its end. */
static void comparing_takes_as_long_wherever_it_differs(void **state)
{
	static char a[4096], first[4096], last[4096];
	uint64_t first_ns, last_ns;

	(void)state;
	first[0] = 1;
	last[sizeof(last) - 1] = 1;
	first_ns = compare_ns(a, first, sizeof(a));
	last_ns = compare_ns(a, last, sizeof(a));
	assert_in_range(first_ns * 100 / last_ns, 20, 500);
}

static struct web_config *users_make(size_t count, int cost)
{
	struct web_config *config = calloc(1, sizeof(*config));
	char salt[CRYPT_GENSALT_OUTPUT_SIZE], password[20];

	assert_non_null(config);
	for (size_t i = 0; i < count; i++) {
		snprintf(config->users[i].name, WEB_USER_LEN, "user%zu", i);
		snprintf(password, sizeof(password), "password%zu", i);
		assert_non_null(
			crypt_gensalt_rn("$2b$", (unsigned long)cost, NULL, 0, salt, sizeof(salt)));
		memcpy(config->users[i].hash, crypt(password, salt), WEB_HASH_LEN);
	}
	config->user_count = count;
	return config;
}

static struct http_credentials credentials_of(const char *user, const char *password)
{
	struct http_credentials credentials = {0};

	memcpy(credentials.user, user, strlen(user));
	memcpy(credentials.password, password, strlen(password));
	return credentials;
}

static struct http_peer peer_of(unsigned char number)
{
	return (struct http_peer){.bytes = {[15] = number}};
}

/* Asks, and waits for the answer. */
static enum http_auth_verdict ask(struct http_auth *auth, const struct web_config *config,
				  const char *user, const char *password)
{
	struct http_credentials credentials = credentials_of(user, password);
	struct http_peer peer = peer_of(1);
	enum http_auth_verdict verdict =
		http_auth_check(auth, config, &credentials, &peer, &credentials);
	struct pollfd pollfd = {.fd = http_auth_fd(auth), .events = POLLIN};

	if (verdict != HTTP_AUTH_WAIT)
		return verdict;
	assert_int_equal(poll(&pollfd, 1, 60000), 1);
	assert_ptr_equal(http_auth_next(auth, &verdict), &credentials);
	assert_null(http_auth_next(auth, &verdict));
	assert_int_equal(poll(&pollfd, 1, 0), 0);
	return verdict;
}

static void passwords_are_looked_at(void **state)
{
	struct web_config *config = users_make(3, 4);
	struct http_auth *auth;

	(void)state;
	assert_int_equal(http_auth_new(&auth), 0);
	assert_int_equal(ask(auth, config, "user1", "password1"), HTTP_AUTH_GOOD);
	assert_int_equal(ask(auth, config, "user1", "password2"), HTTP_AUTH_BAD);
	assert_int_equal(ask(auth, config, "user1", ""), HTTP_AUTH_BAD);
	assert_int_equal(ask(auth, config, "user11", "password1"), HTTP_AUTH_BAD);
	assert_int_equal(ask(auth, config, "user", "password1"), HTTP_AUTH_BAD);
	/* Each of them is given somebody's hash. */
	for (int i = 0; i < 9; i++) {
		char name[20], password[20];

		snprintf(name, sizeof(name), "nobody%d", i);
		snprintf(password, sizeof(password), "password%d", i % 3);
		assert_int_equal(ask(auth, config, name, password), HTTP_AUTH_BAD);
	}
	assert_int_equal(http_auth_cached(auth), 1);
	config->user_count = 0;
	assert_int_equal(ask(auth, config, "any", "thing"), HTTP_AUTH_GOOD);
	web_config_free(config);
	http_auth_free(auth);
}

static bool at_once(struct http_auth *auth, const struct web_config *config, size_t number)
{
	struct http_credentials credentials;
	struct http_peer peer = peer_of(1);
	char name[20], password[20];
	enum http_auth_verdict verdict;

	snprintf(name, sizeof(name), "user%zu", number);
	snprintf(password, sizeof(password), "password%zu", number);
	credentials = credentials_of(name, password);
	verdict = http_auth_check(auth, config, &credentials, &peer, NULL);
	if (verdict == HTTP_AUTH_GOOD)
		return true;
	assert_int_equal(verdict, HTTP_AUTH_WAIT);
	assert_int_equal(ask(auth, config, name, "other"), HTTP_AUTH_BAD);
	return false;
}

static void what_is_remembered_is_bounded(void **state)
{
	struct web_config *config = users_make(WEB_USERS_MAX, 4);
	struct http_auth *auth;
	char salt[CRYPT_GENSALT_OUTPUT_SIZE], name[20], password[20];

	(void)state;
	assert_int_equal(http_auth_new(&auth), 0);
	for (int i = 0; i < WEB_USERS_MAX; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		snprintf(password, sizeof(password), "password%d", i);
		assert_int_equal(ask(auth, config, name, password), HTTP_AUTH_GOOD);
		assert_int_equal(http_auth_cached(auth), i + 1);
	}
	/* Changed passwords come in their place; the one used last stays for longest. */
	assert_true(at_once(auth, config, 0));
	assert_non_null(crypt_gensalt_rn("$2b$", 4, NULL, 0, salt, sizeof(salt)));
	memcpy(config->users[1].hash, crypt("new", salt), WEB_HASH_LEN);
	assert_int_equal(ask(auth, config, "user1", "password1"), HTTP_AUTH_BAD);
	assert_int_equal(ask(auth, config, "user1", "new"), HTTP_AUTH_GOOD);
	assert_int_equal(http_auth_cached(auth), HTTP_AUTH_CACHE_MAX);
	assert_true(at_once(auth, config, 0));
	http_auth_forget(auth);
	assert_int_equal(http_auth_cached(auth), 0);
	web_config_free(config);
	http_auth_free(auth);
}

static void the_queue_is_bounded(void **state)
{
	struct web_config *config = users_make(1, 8);
	struct http_credentials credentials = credentials_of("user0", "guess");
	int requests[100], waiting = 0, busy = 0, answered = 0;
	enum http_auth_verdict verdict;
	struct http_auth *auth;

	(void)state;
	assert_int_equal(http_auth_new(&auth), 0);
	for (int i = 0; i < HTTP_AUTH_PEER_MAX + 3; i++) {
		struct http_peer peer = peer_of(200);

		verdict = http_auth_check(auth, config, &credentials, &peer, &requests[i]);
		waiting += verdict == HTTP_AUTH_WAIT;
	}
	/* One peer has only so many of them. */
	assert_int_equal(waiting, HTTP_AUTH_PEER_MAX);
	for (int i = 0; i < 60; i++) {
		struct http_peer peer = peer_of((unsigned char)i);

		verdict = http_auth_check(auth, config, &credentials, &peer, &requests[i]);
		waiting += verdict == HTTP_AUTH_WAIT;
		busy += verdict == HTTP_AUTH_BUSY;
	}
	assert_int_equal(waiting, HTTP_AUTH_QUEUE_MAX);
	assert_int_equal(busy, 60 - HTTP_AUTH_QUEUE_MAX + HTTP_AUTH_PEER_MAX);
	while (answered < waiting) {
		struct pollfd pollfd = {.fd = http_auth_fd(auth), .events = POLLIN};

		assert_int_equal(poll(&pollfd, 1, 60000), 1);
		while (http_auth_next(auth, &verdict)) {
			assert_int_equal(verdict, HTTP_AUTH_BAD);
			answered++;
		}
	}
	/* Room again; freed with what waits. */
	verdict = http_auth_check(auth, config, &credentials, &(struct http_peer){0}, requests);
	assert_int_equal(verdict, HTTP_AUTH_WAIT);
	http_auth_free(auth);
	web_config_free(config);
}

static void answers_for_former_users_do_not_count(void **state)
{
	struct web_config *config = users_make(1, 7);
	struct http_credentials credentials = credentials_of("user0", "password0");
	enum http_auth_verdict verdict = HTTP_AUTH_GOOD;
	struct http_peer peer = peer_of(1);
	struct http_auth *auth;
	struct pollfd pollfd;

	(void)state;
	assert_int_equal(http_auth_new(&auth), 0);
	assert_int_equal(http_auth_check(auth, config, &credentials, &peer, &peer), HTTP_AUTH_WAIT);
	http_auth_forget(auth);
	pollfd = (struct pollfd){.fd = http_auth_fd(auth), .events = POLLIN};
	assert_int_equal(poll(&pollfd, 1, 60000), 1);
	assert_ptr_equal(http_auth_next(auth, &verdict), &peer);
	assert_int_equal(verdict, HTTP_AUTH_WAIT);
	assert_int_equal(http_auth_cached(auth), 0);
	http_auth_free(auth);
	web_config_free(config);
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Of all threads: the machine's other work is not in it. */
static uint64_t cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t median_ns(struct http_auth *auth, const struct web_config *config, const char *form)
{
	uint64_t times[15];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		char name[20], password[20];
		uint64_t start_ns = cpu_now();

		snprintf(name, sizeof(name), form, i);
		snprintf(password, sizeof(password), "guess%zu", i);
		assert_int_equal(ask(auth, config, name, password), HTTP_AUTH_BAD);
		times[i] = cpu_now() - start_ns;
	}
	qsort(times, ARRAY_SIZE(times), sizeof(times[0]), by_size);
	return times[ARRAY_SIZE(times) / 2];
}

static void unknown_users_take_as_long_as_known_ones(void **state)
{
	struct web_config *config = users_make(15, 7);
	struct http_auth *auth;
	uint64_t known_ns = 0, unknown_ns = 1;

	(void)state;
	assert_int_equal(http_auth_new(&auth), 0);
	/* The processor may be slower for a while, but not always. */
	for (int i = 0; i < 5; i++) {
		known_ns = median_ns(auth, config, "user%zu");
		unknown_ns = median_ns(auth, config, "nobody%zu");
		print_message("# known %.2f ms, unknown %.2f ms\n", (double)known_ns / 1e6,
			      (double)unknown_ns / 1e6);
		if (known_ns * 100 / unknown_ns > 80 && known_ns * 100 / unknown_ns < 125)
			break;
	}
	assert_in_range(known_ns * 100 / unknown_ns, 55, 180);
	assert_true(unknown_ns > 1000000);
	http_auth_free(auth);
	web_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read),
		cmocka_unit_test(headers_are_refused),
		cmocka_unit_test(comparing_sees_every_byte),
		cmocka_unit_test(comparing_takes_as_long_wherever_it_differs),
		cmocka_unit_test(passwords_are_looked_at),
		cmocka_unit_test(what_is_remembered_is_bounded),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(answers_for_former_users_do_not_count),
		cmocka_unit_test(unknown_users_take_as_long_as_known_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
