// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include "model/net_settings.h"

static uint32_t reserved_bytes(const void *list, size_t size, uint32_t low, uint32_t high)
{
	FILE *file = fmemopen((void *)list, size, "r");
	uint32_t count;

	assert_non_null(file);
	count = net_settings_reserved(file, low, high);
	fclose(file);
	return count;
}

static uint32_t reserved(const char *list, uint32_t low, uint32_t high)
{
	return reserved_bytes(list, strlen(list), low, high);
}

static void test_reserved(void **state)
{
	(void)state;
	assert_int_equal(reserved("\n", 32768, 60999), 0);
	assert_int_equal(reserved("40000\n", 32768, 60999), 1);
	assert_int_equal(reserved("40000,40002-40004\n", 32768, 60999), 4);
	/* Reserved ports outside the range do not matter. */
	assert_int_equal(reserved("8080,32760-32769,60999-61010\n", 32768, 60999), 3);
	assert_int_equal(reserved("1-65535\n", 32768, 60999), 28232);
	assert_int_equal(reserved("0,65535\n", 0, 65535), 2);
}

static void test_each_counts_once(void **state)
{
	(void)state;
	assert_int_equal(reserved("40000,40000,39999-40001,40000-40002", 32768, 60999), 4);
}

/* The kernel writes none of these; another file system on /proc may. */
static void test_hostile(void **state)
{
	char many[65536];

	(void)state;
	assert_int_equal(reserved("x", 0, 65535), 0);
	assert_int_equal(reserved("40000;40001", 0, 65535), 0);
	assert_int_equal(reserved("40000,x,40001", 0, 65535), 1);
	assert_int_equal(reserved("40000,,40001", 0, 65535), 1);
	assert_int_equal(reserved("40004-40000", 0, 65535), 0);
	assert_int_equal(reserved("65535-99999", 0, 65535), 0);
	assert_int_equal(reserved("99999", 0, 65535), 0);
	assert_int_equal(reserved("4294967295-4294967296", 0, 65535), 0);
	assert_int_equal(reserved("0-99999999999999999999", 0, 65535), 0);
	assert_int_equal(reserved("-5", 0, 65535), 0);
	assert_int_equal(reserved("40000--1", 0, 65535), 0);
	assert_int_equal(reserved("40000-+5", 0, 65535), 0);
	assert_int_equal(reserved("40000-", 0, 65535), 0);
	assert_int_equal(reserved("5", 60000, 40000), 0);
	assert_int_equal(reserved("60000", 60000, UINT32_MAX), 1);
	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = i % 2 ? ',' : '7';
	assert_int_equal(reserved_bytes(many, sizeof(many), 0, 65535), 1);
	memset(many, '9', sizeof(many));
	assert_int_equal(reserved_bytes(many, sizeof(many), 0, 65535), 0);
	memset(many, 0, sizeof(many));
	assert_int_equal(reserved_bytes(many, sizeof(many), 0, 65535), 0);
}

static void test_any_bytes(void **state)
{
	static const char letters[] = "0123456789--,, \n";
	char list[64];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t size = 1 + random_below(sizeof(list));

		for (size_t i = 0; i < size; i++)
			list[i] = round % 2 ? letters[random_below(sizeof(letters) - 1)]
					    : (char)random64();
		assert_in_range(reserved_bytes(list, size, 1024, 65535), 0, 64512);
	}
}

/* The text of the sysctl, read in another way. */
static uint32_t number_of(const char *path)
{
	char text[64] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return (uint32_t)strtoul(text, NULL, 10);
}

static void test_read_here(void **state)
{
	struct net_settings settings;

	(void)state;
	assert_int_equal(net_settings_read(&settings), 0);
	assert_int_equal(settings.port_low, number_of("/proc/sys/net/ipv4/ip_local_port_range"));
	assert_in_range(settings.port_high, settings.port_low, 65535);
	assert_in_range(settings.ports, 0, settings.port_high - settings.port_low + 1);
	assert_int_equal(settings.tw_reuse, number_of("/proc/sys/net/ipv4/tcp_tw_reuse"));
	assert_int_equal(settings.timestamps, number_of("/proc/sys/net/ipv4/tcp_timestamps") != 0);
	assert_int_equal(settings.syncookies, number_of("/proc/sys/net/ipv4/tcp_syncookies"));
	assert_int_equal(settings.fin_timeout_s, number_of("/proc/sys/net/ipv4/tcp_fin_timeout"));
	assert_int_equal(settings.somaxconn, number_of("/proc/sys/net/core/somaxconn"));
}

static void test_defaults(void **state)
{
	struct net_settings settings = NET_SETTINGS_DEFAULT;

	(void)state;
	assert_int_equal(settings.ports, settings.port_high - settings.port_low + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserved),  cmocka_unit_test(test_each_counts_once),
		cmocka_unit_test(test_hostile),	  cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_read_here), cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
