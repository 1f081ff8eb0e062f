// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "http/evict.h"

#define PAGE_BYTES 1000

/* Two clients of different addresses with a page each, and a third that wants one. */
struct fixture {
	struct http_server server;
	struct http_share shares[3];
	struct http_page pages[2];
	struct http_connection connections[3];
	int listener;
	int clients[2];
};

static void connect_client(struct fixture *f, int i)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &length), 0);
	f->clients[i] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(f->clients[i], (struct sockaddr *)&address, length), 0);
	f->connections[i].fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(f->connections[i].fd >= 0);
}

/* Both pages take all the memory for pages. */
static void set_up(struct fixture *f)
{
	*f = (struct fixture){0};
	f->server.limits.page_bytes = 2 * PAGE_BYTES;
	f->server.limits.slow_ns = NS_PER_S;
	f->server.counts.page_bytes = 2 * PAGE_BYTES;
	f->server.connections = &f->connections[0];
	f->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(listen(f->listener, 2), 0);
	for (int i = 0; i < 3; i++) {
		f->connections[i].server = &f->server;
		f->connections[i].share = &f->shares[i];
		f->connections[i].phase = HTTP_ANSWERING;
		f->connections[i].next = i < 2 ? &f->connections[i + 1] : NULL;
	}
	for (int i = 0; i < 2; i++) {
		connect_client(f, i);
		f->shares[i] = (struct http_share){.connections = 1, .page_bytes = PAGE_BYTES};
		f->pages[i].server = &f->server;
		f->pages[i].share = &f->shares[i];
		f->pages[i].bytes = PAGE_BYTES;
		f->connections[i].page = &f->pages[i];
	}
}

static void tear_down(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		close(f->clients[i]);
		close(f->connections[i].fd);
	}
	close(f->listener);
}

/* The age of a page, of which nothing was taken for so long. */
static void set_age(struct fixture *f, int i, uint64_t age_ns)
{
	f->pages[i].begun_ns = f->pages[i].moved_ns = clock_now() - age_ns;
}

/* What the client does not read fills its buffer and ours. */
static void fill(struct fixture *f, int i)
{
	static char zeros[65536];

	while (send(f->connections[i].fd, zeros, sizeof(zeros), MSG_DONTWAIT) > 0)
		;
}

/* Whether the third client gets room, and whether the first and the second one have to go. */
static void assert_evicted(struct fixture *f, bool room, bool first, bool second)
{
	const bool gone[] = {first, second};

	assert_int_equal(http_evict_for_page(&f->connections[2]), room);
	for (int i = 0; i < 2; i++)
		assert_int_equal(f->connections[i].phase, gone[i] ? HTTP_CLOSING : HTTP_ANSWERING);
}

static void who_waits_for_the_server_keeps_its_page(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* The server had no processor for two seconds: the first has taken all that there was. */
	set_age(&f, 0, 2 * NS_PER_S);
	set_age(&f, 1, NS_PER_S / 10);
	fill(&f, 1);
	assert_evicted(&f, true, false, true);
	tear_down(&f);
}

static void if_all_wait_for_the_server_there_is_no_room(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	set_age(&f, 0, 2 * NS_PER_S);
	set_age(&f, 1, 2 * NS_PER_S);
	assert_evicted(&f, false, false, false);
	tear_down(&f);
}

static void who_does_not_read_makes_room(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	set_age(&f, 0, 2 * NS_PER_S);
	fill(&f, 0);
	set_age(&f, 1, 0);
	assert_evicted(&f, true, true, false);
	assert_int_equal(f.server.counts.page_bytes, PAGE_BYTES);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_for_the_server_keeps_its_page),
		cmocka_unit_test(if_all_wait_for_the_server_there_is_no_room),
		cmocka_unit_test(who_does_not_read_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
