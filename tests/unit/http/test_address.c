// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/address.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void parse_takes_what_is_right(void **state)
{
	static const struct {
		const char *text;
		const char *host;
		uint16_t port;
	} rights[] = {
		{":10433", "", 10433},
		{":0", "", 0},
		{":65535", "", 65535},
		{"127.0.0.1:10433", "127.0.0.1", 10433},
		{"0.0.0.0:80", "0.0.0.0", 80},
		{"localhost:1", "localhost", 1},
		{"a-b_c.example:00080", "a-b_c.example", 80},
		{"[::1]:0", "::1", 0},
		{"[::]:9100", "::", 9100},
		{"[fe80::1%eth0.5]:9100", "fe80::1%eth0.5", 9100},
		{"[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		struct http_address address;
		char error[HTTP_ERROR_LEN] = "untouched";

		assert_int_equal(http_address_parse(&address, rights[i].text, error), 0);
		assert_string_equal(address.host, rights[i].host);
		assert_int_equal(address.port, rights[i].port);
		assert_string_equal(error, "untouched");
	}
}

static void parse_says_what_is_wrong(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} wrongs[] = {
		{"", "is empty"},
		{"10433", "has no port"},
		{"localhost", "has no port"},
		{"127.0.0.1", "has no port"},
		{"[::1]", "has no port"},
		{"[::1", "has no port"},
		{"[::1]x:1", "has no port"},
		{"[", "has no port"},
		{"[:1", "has no port"},
		{":", "needs a port from 0 to 65535"},
		{"localhost:", "needs a port from 0 to 65535"},
		{":-1", "needs a port from 0 to 65535"},
		{":+1", "needs a port from 0 to 65535"},
		{": 1", "needs a port from 0 to 65535"},
		{":1 ", "needs a port from 0 to 65535"},
		{":65536", "needs a port from 0 to 65535"},
		{":100000", "needs a port from 0 to 65535"},
		{":0x50", "needs a port from 0 to 65535"},
		{":http", "needs a port from 0 to 65535"},
		{"http://a:1", "has an IPv6 address without brackets"},
		{"::1:80", "has an IPv6 address without brackets"},
		{"::80", "has an IPv6 address without brackets"},
		{"[]:1", "has no IPv6 address in its brackets"},
		{"[%eth0]:1", "has no IPv6 address in its brackets"},
		{"[localhost]:1", "has no IPv6 address in its brackets"},
		{"[::1%]]:1", "has no IPv6 address in its brackets"},
		{"a/b:1", "has no valid host name"},
		{"*:1", "has no valid host name"},
		{"a,b:1", "has no valid host name"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		struct http_address address = {.host = "untouched", .port = 7};
		char error[HTTP_ERROR_LEN], wanted[HTTP_ERROR_LEN];

		snprintf(wanted, sizeof(wanted),
			 "--web.listen-address: '%s' %s; write [HOST]:PORT, as in :10433, "
			 "127.0.0.1:10433 or [::1]:10433",
			 wrongs[i].text, wrongs[i].why);
		assert_int_equal(http_address_parse(&address, wrongs[i].text, error), -EINVAL);
		assert_string_equal(error, wanted);
		assert_string_equal(address.host, "untouched");
		assert_int_equal(address.port, 7);
	}
}

static void parse_bounds_the_host(void **state)
{
	struct http_address address;
	char error[HTTP_ERROR_LEN];
	char text[HTTP_HOST_LEN + 4];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + HTTP_HOST_LEN - 1, ":1", 3);
	assert_int_equal(http_address_parse(&address, text, error), 0);
	assert_int_equal(strlen(address.host), HTTP_HOST_LEN - 1);
	memcpy(text + HTTP_HOST_LEN - 1, "a:1", 4);
	assert_int_equal(http_address_parse(&address, text, error), -EINVAL);
}

static void listen_opens_and_says_where(void **state)
{
	struct http_address address = {.host = "127.0.0.1"};
	char error[HTTP_ERROR_LEN], text[HTTP_ADDRESS_TEXT_LEN];
	int fds[4];

	(void)state;
	assert_int_equal(http_address_listen(&address, fds, 4, error), 1);
	http_address_of(fds[0], text);
	assert_int_equal(strncmp(text, "127.0.0.1:", 10), 0);
	assert_true(atoi(text + 10) > 0);

	/* Taken now. */
	address.port = (uint16_t)atoi(text + 10);
	assert_int_equal(http_address_listen(&address, fds + 1, 3, error), -EADDRINUSE);
	assert_non_null(strstr(error, ": Address already in use; 'ss -ltnp' shows"));
	close(fds[0]);
	assert_string_equal(http_address_of(-1, text), "?");
	assert_int_equal(http_address_listen(&address, fds, 0, error), -EMFILE);
}

static struct http_peer peer4(const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(5)};
	struct http_peer peer;

	assert_int_equal(inet_pton(AF_INET, text, &address.sin_addr), 1);
	http_peer_of(&peer, (struct sockaddr *)&address);
	return peer;
}

static struct http_peer peer6(const char *text)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct http_peer peer;

	assert_int_equal(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
	http_peer_of(&peer, (struct sockaddr *)&address);
	return peer;
}

static void peers_are_addresses_or_networks(void **state)
{
	struct http_peer v4 = peer4("10.0.0.1"), other4 = peer4("10.0.0.2");
	struct http_peer mapped = peer6("::ffff:10.0.0.1");
	struct http_peer a = peer6("2001:db8:0:1::1"), b = peer6("2001:db8:0:1:ffff::2");
	struct http_peer c = peer6("2001:db8:0:2::1");
	struct http_peer any = peer4("0.0.0.0"), loopback = peer6("::1");

	(void)state;
	assert_memory_equal(&v4, &mapped, sizeof(v4));
	assert_memory_not_equal(&v4, &other4, sizeof(v4));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
	assert_memory_not_equal(&any, &loopback, sizeof(any));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_takes_what_is_right),
		cmocka_unit_test(parse_says_what_is_wrong),
		cmocka_unit_test(parse_bounds_the_host),
		cmocka_unit_test(listen_opens_and_says_where),
		cmocka_unit_test(peers_are_addresses_or_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
