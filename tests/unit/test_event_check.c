// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>

#include "event_check.h"

/* Room for any record, and for what is behind it. */
union record {
	struct event_header header;
	struct event_transition transition;
	struct event_fork fork;
	struct event_scan scan;
	uint64_t words[32];
};

static const struct event_task task = {.start_ns = 5, .tgid = 100, .comm = "nginx"};

static union record a_transition(void)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);
	union record record = {
		.transition = make_transition(7, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, START_NS)};

	return record;
}

static union record an_acted_transition(void)
{
	union record record = a_transition();

	make_actor(&record.transition, &task);
	return record;
}

static union record a_fork(void)
{
	return (union record){.fork = make_fork(&task, &task)};
}

static union record a_scan(const struct event_task *holder)
{
	struct event_flow flow = make_flow("2001:db8::1", 80, "2001:db8::2", 5000);

	return (union record){.scan = make_scan(7, &flow, TCP_CLOSE_WAIT, holder, 3, START_NS)};
}

static int check(const union record *record)
{
	/* Just as long as it says, so that a look behind it is seen. */
	void *exact = make_exact(record);
	int err = event_check(exact, record->header.size);

	free(exact);
	return err;
}

static size_t all_kinds(union record records[5])
{
	records[0] = a_transition();
	records[1] = an_acted_transition();
	records[2] = a_fork();
	records[3] = a_scan(&task);
	records[4] = a_scan(NULL);
	return 5;
}

static void records_as_the_kernel_writes_them_pass(void **state)
{
	union record records[5];
	size_t count = all_kinds(records);

	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(check(&records[i]), 0);
}

static void wrong_versions_are_refused(void **state)
{
	static const __u8 versions[] = {0, EVENT_VERSION - 1, EVENT_VERSION + 1, 255};
	union record records[5];
	size_t count = all_kinds(records);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(versions); j++) {
			union record record = records[i];

			record.header.version = versions[j];
			assert_int_equal(check(&record), -EPROTO);
		}
}

static void wrong_kinds_are_refused(void **state)
{
	(void)state;
	for (unsigned int kind = 0; kind < 256; kind++) {
		union record records[5];
		size_t count = all_kinds(records);

		if (kind >= EVENT_TRANSITION && kind <= EVENT_SCAN_SOCKET)
			continue;
		for (size_t i = 0; i < count; i++) {
			records[i].header.kind = (__u8)kind;
			assert_int_equal(check(&records[i]), -EPROTO);
		}
	}
}

/* Every size but the right one, said of the record and true of it. */
static void wrong_sizes_are_refused(void **state)
{
	union record records[5];
	size_t count = all_kinds(records);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t size = 0; size <= sizeof(union record); size++) {
			union record record = records[i];
			void *exact;

			if (size == records[i].header.size)
				continue;
			/* It is shorter or longer than it says ... */
			assert_int_equal(event_check(&record, size), -EPROTO);
			/* ... and it says so itself. */
			record.header.size = (__u16)size;
			exact = malloc(size ? size : 1);
			memcpy(exact, &record, size);
			assert_int_equal(event_check(exact, size), -EPROTO);
			free(exact);
		}
	}
}

/* A record is long because it has an actor, and has an actor because it is long. */
static void length_and_actor_agree(void **state)
{
	union record lacks = an_acted_transition(), extra = an_acted_transition();

	(void)state;
	lacks.header.size = EVENT_TRANSITION_SHORT;
	assert_int_equal(check(&lacks), -EPROTO);
	extra.transition.flow.flags &= (__u16)~EVENT_ACTOR;
	assert_int_equal(check(&extra), -EPROTO);
}

static void states_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	for (unsigned int tcp_state = 0; tcp_state < 256; tcp_state++) {
		bool exists = tcp_state >= 1 && tcp_state <= 11;
		union record from = a_transition(), to = a_transition(), scan = a_scan(&task);

		from.transition.from = (__u8)tcp_state;
		to.transition.to = (__u8)tcp_state;
		scan.scan.state = (__u8)tcp_state;
		assert_int_equal(check(&from), exists ? 0 : -EPROTO);
		assert_int_equal(check(&to), exists ? 0 : -EPROTO);
		assert_int_equal(check(&scan), exists ? 0 : -EPROTO);
		scan.header.kind = EVENT_SCAN_SOCKET;
		assert_int_equal(check(&scan), exists ? 0 : -EPROTO);
	}
}

static void other_families_are_refused(void **state)
{
	static const __u16 families[] = {AF_UNSPEC, AF_UNIX,	  AF_PACKET,
					 AF_VSOCK,  AF_INET << 8, UINT16_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		union record transition = a_transition(), scan = a_scan(NULL);

		transition.transition.flow.family = families[i];
		scan.scan.flow.family = families[i];
		assert_int_equal(check(&transition), -EPROTO);
		assert_int_equal(check(&scan), -EPROTO);
	}
}

/* 0 marks free places in tables. */
static void cookie_0_is_refused(void **state)
{
	union record transition = an_acted_transition(), fd = a_scan(&task), socket = a_scan(NULL);

	(void)state;
	transition.transition.cookie = 0;
	fd.scan.cookie = 0;
	socket.scan.cookie = 0;
	assert_int_equal(check(&transition), -EPROTO);
	assert_int_equal(check(&fd), -EPROTO);
	assert_int_equal(check(&socket), -EPROTO);
	transition.transition.cookie = UINT64_MAX;
	assert_int_equal(check(&transition), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_as_the_kernel_writes_them_pass),
		cmocka_unit_test(wrong_versions_are_refused),
		cmocka_unit_test(wrong_kinds_are_refused),
		cmocka_unit_test(wrong_sizes_are_refused),
		cmocka_unit_test(length_and_actor_agree),
		cmocka_unit_test(states_that_do_not_exist_are_refused),
		cmocka_unit_test(other_families_are_refused),
		cmocka_unit_test(cookie_0_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
