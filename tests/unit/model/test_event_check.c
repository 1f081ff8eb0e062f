// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "events.h"

#include <errno.h>

#include "model/event_check.h"

/* Memory for any record, and for bytes after it. */
union record {
	struct event_header header;
	struct event_transition transition;
	struct event_fork fork;
	struct event_exit exit;
	struct event_scan scan;
	struct event_accept accept;
	struct event_mini mini;
	struct event_request request;
	struct event_segment segment;
	struct event_stack stack;
	struct event_exec exec;
	struct event_scan_queue queue;
	uint64_t words[80];
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

static union record an_exit(void)
{
	return (union record){.exit = make_exit(&task, START_NS)};
}

static union record a_scan(const struct event_task *holder)
{
	struct event_flow flow = make_flow("2001:db8::1", 80, "2001:db8::2", 5000);

	return (union record){.scan = make_scan(7, &flow, TCP_CLOSE_WAIT, holder, 3, START_NS)};
}

static union record an_accept(void)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);

	return (union record){.accept = make_accept(7, &flow, TCP_ESTABLISHED, START_NS, &task)};
}

static union record a_mini(void)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);

	return (union record){.mini = make_mini(7, &flow, MINI_ENDED, TCP_TIME_WAIT, -1, START_NS)};
}

static union record a_request(void)
{
	struct event_flow flow = make_flow("2001:db8::1", 80, "2001:db8::2", 5000);

	return (union record){
		.request = make_request(7, &flow, REQUEST_DROPPED, 63000000, 0, START_NS)};
}

static union record a_segment(void)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);

	return (union record){
		.segment = make_segment(7, &flow, SEGMENT_REPEATED, TCP_ESTABLISHED, START_NS)};
}

static union record a_stack(void)
{
	return (union record){.stack = make_stack(7, &task, STACK_ACCEPT, START_NS)};
}

static union record an_exec(void)
{
	return (union record){.exec = {.header = {.kind = EVENT_EXEC,
						  .version = EVENT_VERSION,
						  .size = sizeof(struct event_exec)},
				       .time_ns = START_NS,
				       .task = task,
				       .exec_id = 4}};
}

static union record a_scan_mini(void)
{
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);

	return (union record){.scan = make_scan_mini(7, &flow, TCP_SYN_RECV, 5000, START_NS)};
}

static union record a_queue(void)
{
	return (union record){.queue = {.header = {.kind = EVENT_SCAN_QUEUE,
						   .version = EVENT_VERSION,
						   .size = sizeof(struct event_scan_queue)},
					.time_ns = START_NS,
					.cookie = 7,
					.waiting = {8}}};
}

static int check(const union record *record)
{
	/* Memory of exactly its size, so that the sanitizers see a read after it. */
	void *exact = make_exact(record);
	int err = event_check(exact, record->header.size);

	free(exact);
	return err;
}

#define ALL_KINDS 14

static size_t all_kinds(union record records[ALL_KINDS])
{
	records[0] = a_transition();
	records[1] = an_acted_transition();
	records[2] = a_fork();
	records[3] = a_scan(&task);
	records[4] = a_scan(NULL);
	records[5] = an_accept();
	records[6] = a_mini();
	records[7] = a_request();
	records[8] = a_scan_mini();
	records[9] = a_segment();
	records[10] = a_stack();
	records[11] = an_exec();
	records[12] = a_queue();
	records[13] = an_exit();
	return ALL_KINDS;
}

static void records_as_the_kernel_writes_them_pass(void **state)
{
	union record records[ALL_KINDS];
	size_t count = all_kinds(records);

	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(check(&records[i]), 0);
}

static void wrong_versions_are_refused(void **state)
{
	static const __u8 versions[] = {0, EVENT_VERSION - 1, EVENT_VERSION + 1, 255};
	union record records[ALL_KINDS];
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
		union record records[ALL_KINDS];
		size_t count = all_kinds(records);

		if (kind >= EVENT_TRANSITION && kind <= EVENT_EXIT)
			continue;
		for (size_t i = 0; i < count; i++) {
			records[i].header.kind = (__u8)kind;
			assert_int_equal(check(&records[i]), -EPROTO);
		}
	}
}

/* Every wrong size, of the record and in its header. */
static void wrong_sizes_are_refused(void **state)
{
	union record records[ALL_KINDS];
	size_t count = all_kinds(records);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t size = 0; size <= sizeof(union record); size++) {
			union record record = records[i];
			void *exact;

			if (size == records[i].header.size)
				continue;
			/* It is shorter or longer than its header says, */
			assert_int_equal(event_check(&record, size), -EPROTO);
			/* and its header has the wrong size too. */
			record.header.size = (__u16)size;
			exact = malloc(size ? size : 1);
			memcpy(exact, &record, size);
			assert_int_equal(event_check(exact, size), -EPROTO);
			free(exact);
		}
	}
}

/* A record has the long form if, and only if, it has a task. */
static void length_and_actor_agree(void **state)
{
	union record lacks = an_acted_transition(), extra = an_acted_transition();

	(void)state;
	lacks.header.size = EVENT_TRANSITION_SHORT;
	assert_int_equal(check(&lacks), -EPROTO);
	extra.transition.flow.flags &= (__u16)~EVENT_ACTOR;
	assert_int_equal(check(&extra), -EPROTO);
	extra.transition.flow.flags |= EVENT_CLOSER;
	assert_int_equal(check(&extra), 0);
}

static void states_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	for (unsigned int tcp_state = 0; tcp_state < 256; tcp_state++) {
		bool exists = tcp_state >= 1 && tcp_state <= 11;
		union record from = a_transition(), to = a_transition(), scan = a_scan(&task);

		from.transition.from = (__u8)tcp_state;
		from.transition.to = TCP_CLOSE;
		to.transition.to = (__u8)tcp_state;
		scan.scan.state = (__u8)tcp_state;
		/* No record leaves TIME_WAIT; three leave ESTABLISHED. */
		assert_int_equal(check(&from), exists && tcp_state != TCP_TIME_WAIT ? 0 : -EPROTO);
		assert_int_equal(check(&to), tcp_state == TCP_FIN_WAIT1 ||
							     tcp_state == TCP_CLOSE_WAIT ||
							     tcp_state == TCP_CLOSE
						     ? 0
						     : -EPROTO);
		assert_int_equal(check(&scan), exists ? 0 : -EPROTO);
		scan.header.kind = EVENT_SCAN_SOCKET;
		assert_int_equal(check(&scan), exists ? 0 : -EPROTO);
	}
}

/* Each kind of mini-socket has its own few states. */
static void states_of_mini_sockets(void **state)
{
	(void)state;
	for (unsigned int tcp_state = 0; tcp_state < 256; tcp_state++) {
		bool exists = tcp_state >= 1 && tcp_state <= 11;
		bool timed = tcp_state == TCP_TIME_WAIT || tcp_state == TCP_FIN_WAIT2;
		union record accept = an_accept(), mini = a_mini(), scan = a_scan_mini();
		union record segment = a_segment(), synack = a_segment();

		accept.accept.state = (__u8)tcp_state;
		mini.mini.state = (__u8)tcp_state;
		scan.scan.state = (__u8)tcp_state;
		segment.segment.state = synack.segment.state = (__u8)tcp_state;
		synack.segment.what = SEGMENT_SYNACK_REPEATED;
		assert_int_equal(check(&segment), exists ? 0 : -EPROTO);
		assert_int_equal(check(&synack), tcp_state == TCP_SYN_RECV ? 0 : -EPROTO);
		assert_int_equal(check(&accept), exists ? 0 : -EPROTO);
		assert_int_equal(check(&mini), timed ? 0 : -EPROTO);
		assert_int_equal(check(&scan), timed || tcp_state == TCP_SYN_RECV ? 0 : -EPROTO);
	}
}

/* Records of mini-sockets have only the existing events. */
static void fates_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	for (unsigned int what = 0; what < 256; what++) {
		union record mini = a_mini(), request = a_request(), segment = a_segment();

		mini.mini.what = (__u8)what;
		request.request.what = (__u8)what;
		segment.segment.what = (__u8)what;
		segment.segment.state = TCP_SYN_RECV;
		assert_int_equal(check(&segment), what >= 1 && what <= 4 ? 0 : -EPROTO);
		assert_int_equal(check(&mini), what >= 1 && what <= 3 ? 0 : -EPROTO);
		assert_int_equal(check(&request), what == 1 || what == 2 ? 0 : -EPROTO);
	}
}

/* Any time, age, count and number of ticks is valid. */
static void numbers_are_not_judged(void **state)
{
	static const uint64_t numbers[] = {0, 1, INT64_MAX, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		union record mini = a_mini(), request = a_request(), accept = an_accept();
		union record scan = a_scan_mini(), transition = a_transition();
		union record segment = a_segment();

		segment.segment.time_ns = numbers[i];
		memset(&segment.segment.timeouts, (int)(numbers[i] & 0xff),
		       sizeof(segment.segment) - offsetof(struct event_segment, timeouts));
		assert_int_equal(check(&segment), 0);
		mini.mini.time_ns = request.request.time_ns = accept.accept.time_ns = numbers[i];
		mini.mini.left_ticks = request.request.left_ticks = (__s32)numbers[i];
		scan.scan.mini.left_ticks = (__s32)numbers[i];
		request.request.age_us = scan.scan.mini.age_us = numbers[i];
		request.request.retransmits = (__u8)numbers[i];
		scan.scan.mini.retransmits = (__u32)numbers[i];
		transition.transition.rto_time_ms = (__u32)numbers[i];
		memset(&accept.accept.task, (int)(numbers[i] & 0xff), sizeof(accept.accept.task));
		assert_int_equal(check(&mini), 0);
		assert_int_equal(check(&request), 0);
		assert_int_equal(check(&accept), 0);
		assert_int_equal(check(&scan), 0);
		assert_int_equal(check(&transition), 0);
	}
}

/* The flow of a record; NULL if its kind has none. */
static struct event_flow *flow_of(union record *record)
{
	switch (record->header.kind) {
	case EVENT_FORK:
	case EVENT_STACK:
	case EVENT_EXEC:
	case EVENT_SCAN_QUEUE:
	case EVENT_EXIT:
		return NULL;
	case EVENT_TRANSITION:
		return &record->transition.flow;
	case EVENT_ACCEPT:
		return &record->accept.flow;
	case EVENT_MINI:
		return &record->mini.flow;
	case EVENT_REQUEST:
		return &record->request.flow;
	case EVENT_SEGMENT:
		return &record->segment.flow;
	default:
		return &record->scan.flow;
	}
}

static void other_families_are_refused(void **state)
{
	static const __u16 families[] = {AF_UNSPEC, AF_UNIX,	  AF_PACKET,
					 AF_VSOCK,  AF_INET << 8, UINT16_MAX};
	union record records[ALL_KINDS];
	size_t count = all_kinds(records);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(families); j++) {
			union record record = records[i];

			if (!flow_of(&record))
				continue;
			flow_of(&record)->family = families[j];
			assert_int_equal(check(&record), -EPROTO);
			flow_of(&record)->family = AF_INET6;
			assert_int_equal(check(&record), 0);
		}
}

/* 0 marks free entries in tables. */
static void cookie_0_is_refused(void **state)
{
	union record records[ALL_KINDS];
	size_t count = all_kinds(records);

	(void)state;
	/* All kinds have it at the same offset. */
	_Static_assert(offsetof(struct event_transition, cookie) ==
			       offsetof(struct event_scan, cookie),
		       "wire format");
	_Static_assert(offsetof(struct event_transition, cookie) ==
			       offsetof(struct event_accept, cookie),
		       "wire format");
	_Static_assert(offsetof(struct event_transition, cookie) ==
			       offsetof(struct event_mini, cookie),
		       "wire format");
	_Static_assert(offsetof(struct event_transition, cookie) ==
			       offsetof(struct event_request, cookie),
		       "wire format");
	_Static_assert(offsetof(struct event_transition, cookie) ==
			       offsetof(struct event_segment, cookie),
		       "wire format");
	_Static_assert(offsetof(struct event_transition, cookie) ==
			       offsetof(struct event_stack, cookie),
		       "wire format");
	_Static_assert(offsetof(struct event_transition, cookie) ==
			       offsetof(struct event_scan_queue, cookie),
		       "wire format");
	for (size_t i = 0; i < count; i++) {
		if (records[i].header.kind == EVENT_FORK || records[i].header.kind == EVENT_EXEC ||
		    records[i].header.kind == EVENT_EXIT)
			continue;
		records[i].transition.cookie = 0;
		assert_int_equal(check(&records[i]), -EPROTO);
		records[i].transition.cookie = UINT64_MAX;
		assert_int_equal(check(&records[i]), 0);
	}
}

/* It has a number of frames and a process. */
static void stacks_without_sense_are_refused(void **state)
{
	union record stack;

	(void)state;
	for (unsigned int number = 0; number <= UINT16_MAX; number++) {
		stack = a_stack();
		stack.stack.how = (__u16)number;
		assert_int_equal(check(&stack), number >= 1 && number <= 3 ? 0 : -EPROTO);
		stack = a_stack();
		stack.stack.count = (__u16)number;
		assert_int_equal(check(&stack),
				 number >= 1 && number <= EVENT_STACK_FRAMES ? 0 : -EPROTO);
	}
	stack = a_stack();
	stack.stack.task.tgid = 0;
	assert_int_equal(check(&stack), -EPROTO);
	stack = a_stack();
	memset(stack.stack.frames, 0xff, sizeof(stack.stack.frames));
	stack.stack.exec_id = UINT32_MAX;
	assert_int_equal(check(&stack), 0);
}

static void an_exec_is_somebodys(void **state)
{
	union record exec = an_exec();

	(void)state;
	exec.exec.task.tgid = 0;
	assert_int_equal(check(&exec), -EPROTO);
	exec = an_exec();
	exec.exec.exec_id = UINT32_MAX;
	assert_int_equal(check(&exec), 0);
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
		cmocka_unit_test(states_of_mini_sockets),
		cmocka_unit_test(fates_that_do_not_exist_are_refused),
		cmocka_unit_test(numbers_are_not_judged),
		cmocka_unit_test(other_families_are_refused),
		cmocka_unit_test(cookie_0_is_refused),
		cmocka_unit_test(stacks_without_sense_are_refused),
		cmocka_unit_test(an_exec_is_somebodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
