// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Settings by network namespace. Those of another namespace need a privilege, so that tests/live
 * tests them. */
#include "events.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/netns.h"
#include "host/scan_settings.h"

static const struct netns_list none;

static uint32_t own_netns(void)
{
	struct stat status;

	assert_int_equal(stat("/proc/self/ns/net", &status), 0);
	return (uint32_t)status.st_ino;
}

static void count_call(void *context)
{
	++*(int *)context;
}

static void test_own(void **state)
{
	struct net_settings here, settings;

	(void)state;
	memset(&settings, 0xff, sizeof(settings));
	memset(&here, 0, sizeof(here));
	assert_int_equal(net_settings_read(&here), 0);
	assert_int_equal(scan_settings(own_netns(), &none, &settings), 0);
	assert_int_equal(settings.port_low, here.port_low);
	assert_int_equal(settings.ports, here.ports);
	assert_int_equal(settings.somaxconn, here.somaxconn);
}

static void test_none(void **state)
{
	struct net_settings settings = {.ports = 77};

	(void)state;
	assert_int_equal(scan_settings(1, &none, &settings), -ENOENT);
	assert_int_equal(scan_settings(0, &none, &settings), -ENOENT);
	assert_int_equal(settings.ports, 77);
}

/* Entering a namespace, even the own one, needs the privilege. It is left again. */
static void test_enter(void **state)
{
	int calls = 0, home_fd = netns_home(), err;
	uint32_t before = own_netns();
	struct netns netns = {.inode = before, .pid = (uint32_t)getpid()};

	(void)state;
	assert_true(home_fd >= 0);
	err = netns_enter(home_fd, &netns, count_call, &calls);
	assert_true(err == 0 || err == -EPERM);
	assert_int_equal(calls, err == 0);
	assert_int_equal(own_netns(), before);

	calls = 0;
	netns.inode++; /* the process has moved since */
	assert_true(netns_enter(home_fd, &netns, count_call, &calls) == (err ? err : -ESRCH));
	netns.pid = 0;
	assert_int_equal(netns_enter(home_fd, &netns, count_call, &calls), -ESRCH);
	netns.pid = UINT32_MAX;
	assert_int_equal(netns_enter(home_fd, &netns, count_call, &calls), -ESRCH);
	assert_int_equal(own_netns(), before);
	assert_int_equal(calls, 0);
	close(home_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_enter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
