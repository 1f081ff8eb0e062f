// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "ring.h"

#include <errno.h>
#include <fcntl.h>

#include "host/ring_reader.h"
#include "model/event_check.h"

#define NOTES 4096

struct ring {
	struct ring_reader *reader;
	struct ring_memory memory;
	size_t taken;
	unsigned char first[NOTES]; /* first bytes of the records that the sink got */
	size_t sizes[NOTES];
};

static void ring_make(struct ring *ring, size_t pages, unsigned long position)
{
	memset(ring, 0, sizeof(*ring));
	ring_map(&ring->memory, pages, position);
	assert_int_equal(ring_reader_new(&ring->reader, ring->memory.fd, ring->memory.size), 0);
}

static void ring_end(struct ring *ring)
{
	ring_reader_free(ring->reader);
	ring_unmap(&ring->memory);
}

/* Writes a record byte by byte across the ring's end. Returns its header. */
static uint32_t *put(struct ring *ring, uint32_t length, unsigned char first, uint32_t flags)
{
	uint32_t *header = ring_put(&ring->memory, length, flags);

	for (uint32_t i = 0; i < length; i++)
		*ring_byte(&ring->memory, header, i) = (unsigned char)(first + i);
	return header;
}

/* Takes at most `most` records before the end. Returns whether it could take more. */
static bool consume(struct ring *ring, unsigned long end, size_t most, ring_sink sink)
{
	uint64_t time_ns;

	bool more = false;

	while (!more && ring_reader_head(ring->reader, end, &time_ns) == RING_RECORD) {
		more = !most--;
		if (!more)
			ring_reader_take(ring->reader, sink, ring);
	}
	ring_reader_release(ring->reader);
	return more;
}

static void on_record(void *context, const void *record, size_t size)
{
	struct ring *ring = context;
	const unsigned char *bytes = record;

	assert_int_equal((uintptr_t)record % 8, 0);
	assert_true(ring->taken < NOTES);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(bytes[i], (unsigned char)(*bytes + i));
	ring->first[ring->taken] = size ? *bytes : 0;
	ring->sizes[ring->taken++] = size;
}

static void take(struct ring *ring)
{
	ring->taken = 0;
	assert_false(consume(ring, ring_reader_written(ring->reader), SIZE_MAX, on_record));
}

static void records_come_in_order(void **state)
{
	struct ring ring;

	(void)state;
	ring_make(&ring, 1, 0);
	take(&ring);
	assert_int_equal(ring.taken, 0);
	assert_true(ring_reader_is_empty(ring.reader));
	for (uint32_t i = 0; i < 20; i++)
		put(&ring, 1 + 7 * i, (unsigned char)i, 0);
	assert_false(ring_reader_is_empty(ring.reader));
	take(&ring);
	assert_true(ring_reader_is_empty(ring.reader));
	assert_int_equal(ring.taken, 20);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(ring.first[i], i);
		assert_int_equal(ring.sizes[i], 1 + 7 * i);
	}
	assert_true(*ring.memory.consumer == *ring.memory.producer);
	take(&ring);
	assert_int_equal(ring.taken, 0);
	ring_end(&ring);
}

static void what_is_discarded_is_passed_over(void **state)
{
	struct ring ring;

	(void)state;
	ring_make(&ring, 1, 0);
	put(&ring, 100, 1, BPF_RINGBUF_DISCARD_BIT);
	put(&ring, 8, 2, 0);
	put(&ring, 9, 3, BPF_RINGBUF_DISCARD_BIT);
	take(&ring);
	assert_int_equal(ring.taken, 1);
	assert_int_equal(ring.first[0], 2);
	assert_true(*ring.memory.consumer == *ring.memory.producer);
	ring_end(&ring);
}

/* The records behind it wait, too. */
static void what_is_being_written_is_waited_for(void **state)
{
	struct ring ring;
	uint32_t *header;

	(void)state;
	ring_make(&ring, 1, 0);
	put(&ring, 8, 1, 0);
	header = put(&ring, 8, 2, BPF_RINGBUF_BUSY_BIT);
	take(&ring);
	assert_false(ring_reader_is_empty(ring.reader)); /* it will be there soon */
	assert_int_equal(ring.taken, 1);
	put(&ring, 8, 3, 0);
	take(&ring);
	assert_int_equal(ring.taken, 0);
	assert_int_equal(*ring.memory.consumer, 16);
	*header &= ~BPF_RINGBUF_BUSY_BIT;
	take(&ring);
	assert_int_equal(ring.taken, 2);
	assert_int_equal(ring.first[0], 2);
	assert_int_equal(ring.first[1], 3);
	ring_end(&ring);
}

/* A turn takes some; the position where it ends does not move with the writer. */
static void a_bound_is_kept(void **state)
{
	struct ring ring;
	unsigned long end;

	(void)state;
	ring_make(&ring, 1, 0UL - 40);
	for (unsigned char i = 0; i < 10; i++)
		put(&ring, 8, i, i == 4 ? BPF_RINGBUF_DISCARD_BIT : 0);
	end = ring_reader_written(ring.reader);
	put(&ring, 8, 10, 0);
	assert_true(consume(&ring, end, 4, on_record));
	assert_int_equal(ring.taken, 4);
	assert_false(consume(&ring, end, 6, on_record));
	assert_int_equal(ring.taken, 9);
	assert_int_equal(ring.first[8], 9);
	assert_true(*ring.memory.consumer == end);
	take(&ring);
	assert_int_equal(ring.taken, 1);
	assert_int_equal(ring.first[0], 10);
	ring_end(&ring);
}

/* The kernel is not told of each record. */
static void room_is_given_back_in_parts(void **state)
{
	unsigned long consumer = 0;
	uint64_t time_ns;
	struct ring ring;
	size_t steps = 0;

	(void)state;
	ring_make(&ring, 1, 0);
	while (ring_has_room(&ring.memory, 24))
		put(&ring, 24, 1, 0);
	while (ring_reader_head(ring.reader, *ring.memory.producer, &time_ns) == RING_RECORD) {
		ring_reader_take(ring.reader, on_record, &ring);
		assert_in_range(ring.taken * 32 - *ring.memory.consumer, 0, ring.memory.size / 16);
		steps += *ring.memory.consumer != consumer;
		consumer = *ring.memory.consumer;
	}
	assert_int_equal(ring.taken, ring.memory.size / 32);
	assert_int_equal(steps, 16);
	put(&ring, 24, 1, 0);
	take(&ring);
	assert_true(*ring.memory.consumer == *ring.memory.producer);
	ring_end(&ring);
}

/* At every offset, and where the positions themselves overflow. */
static void records_may_cross_the_end(void **state)
{
	(void)state;
	for (unsigned long before = 0; before <= 200; before += 8)
		for (int late = 0; late < 2; late++) {
			struct ring ring;

			ring_make(&ring, 1, 0);
			ring_end(&ring);
			ring_make(&ring, 1, (late ? 0UL : 4 * ring.memory.size) - before);
			put(&ring, 128, 7, 0);
			put(&ring, 96, 9, 0);
			take(&ring);
			assert_int_equal(ring.taken, 2);
			assert_int_equal(ring.first[0], 7);
			assert_int_equal(ring.sizes[0], 128);
			assert_int_equal(ring.first[1], 9);
			assert_int_equal(ring.sizes[1], 96);
			assert_true(*ring.memory.consumer == *ring.memory.producer);
			ring_end(&ring);
		}
}

/* The record ends `past` bytes behind the ring's end, and an 8-byte one follows it. */
static void cross(size_t length, size_t past, const void *bytes,
		  void (*sink)(void *context, const void *record, size_t size))
{
	uint32_t *header;
	struct ring ring;
	size_t all = (BPF_RINGBUF_HDR_SZ + length + 7) / 8 * 8;

	ring_make(&ring, 1, (size_t)sysconf(_SC_PAGESIZE) * 4 + past - all);
	header = put(&ring, (uint32_t)length, 1, 0);
	for (size_t i = 0; bytes && i < length; i++)
		*ring_byte(&ring.memory, header, i) = ((const unsigned char *)bytes)[i];
	put(&ring, 8, 2, 0);
	assert_false(consume(&ring, ring_reader_written(ring.reader), SIZE_MAX, sink));
	assert_int_equal(ring.taken, 2);
	assert_int_equal(ring.sizes[0], length);
	assert_int_equal(ring.sizes[1], 8);
	assert_true(*ring.memory.consumer == *ring.memory.producer);
	ring_end(&ring);
}

static void every_size_may_cross_the_end(void **state)
{
	(void)state;
	for (size_t length = 0; length <= RING_RECORD_MAX; length++)
		for (size_t past = 8; past <= length + 7; past += 8)
			cross(length, past, NULL, on_record);
}

static void on_valid(void *context, const void *record, size_t size)
{
	struct ring *ring = context;

	ring->sizes[ring->taken++] = size;
	if (ring->taken == 1)
		assert_int_equal(event_check(record, size), 0);
}

/* Each kind is as long as its largest record. */
static void every_kind_may_cross_the_end(void **state)
{
	static const struct event_task task = {.start_ns = 5, .tgid = 100, .comm = "nginx"};
	struct event_flow flow = make_flow("10.0.0.1", 80, "10.0.0.2", 5000);
	union event_record all[] = {
		{.transition = make_transition(7, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 1)},
		{.transition = make_transition(7, &flow, TCP_ESTABLISHED, TCP_CLOSE_WAIT, 1)},
		{.fork = make_fork(&task, &task)},
		{.scan = make_scan(7, &flow, TCP_CLOSE_WAIT, &task, 3, 1)},
		{.scan = make_scan(7, &flow, TCP_CLOSE_WAIT, NULL, 0, 1)},
		{.scan = make_scan_mini(7, &flow, TCP_SYN_RECV, 3, 1)},
		{.accept = make_accept(7, &flow, TCP_ESTABLISHED, 1, &task)},
		{.mini = make_mini(7, &flow, MINI_ENDED, TCP_TIME_WAIT, -1, 1)},
		{.request = make_request(7, &flow, REQUEST_DROPPED, 63000000, 0, 1)},
		{.segment = make_segment(7, &flow, SEGMENT_RESET_SENT, TCP_CLOSE_WAIT, 1)},
		{.stack = make_stack(7, &task, STACK_CONNECT, 1)},
		{.exec = {.header = {EVENT_EXEC, EVENT_VERSION, sizeof(struct event_exec), 0},
			  .task = task}},
	};
	unsigned int kinds = 0;

	(void)state;
	make_actor(&all[1].transition, &task);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		size_t size = all[i].header.size;

		kinds |= 1U << all[i].header.kind;
		for (size_t past = 8; past <= size; past += 8)
			cross(size, past, &all[i], on_valid);
	}
	assert_int_equal(kinds, (1U << (EVENT_EXEC + 1)) - 2);
}

static void many_records_go_round(void **state)
{
	struct ring ring;

	(void)state;
	ring_make(&ring, 2, 0);
	for (int turn = 0; turn < 3000; turn++) {
		uint32_t lengths[20], count = (uint32_t)random_below(ARRAY_SIZE(lengths));

		for (uint32_t i = 0; i < count; i++) {
			lengths[i] = (uint32_t)random_below(300);
			put(&ring, lengths[i], (unsigned char)i, 0);
		}
		take(&ring);
		assert_int_equal(ring.taken, count);
		for (uint32_t i = 0; i < count; i++)
			assert_int_equal(ring.sizes[i], lengths[i]);
	}
	ring_end(&ring);
}

static void what_is_too_long_to_be_copied_loses_its_end(void **state)
{
	struct ring ring;

	(void)state;
	ring_make(&ring, 1, 0);
	put(&ring, 3000, 1, 0);
	take(&ring);
	assert_int_equal(ring.sizes[0], 3000);
	put(&ring, 3000, 2, 0);
	put(&ring, 8, 3, 0);
	take(&ring);
	assert_int_equal(ring.taken, 2);
	assert_int_equal(ring.sizes[0], RING_RECORD_MAX);
	assert_int_equal(ring.first[1], 3);
	ring_end(&ring);
}

static void what_is_no_ring_is_refused(void **state)
{
	struct ring_reader *reader = NULL;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ring_reader_new(&reader, fd, 0), -EINVAL);
	assert_int_equal(ring_reader_new(&reader, fd, page / 2), -EINVAL);
	assert_int_equal(ring_reader_new(&reader, fd, 3 * page), -EINVAL);
	assert_true(ring_reader_new(&reader, fd, page) < 0);
	assert_int_equal(ring_reader_new(&reader, -1, page), -EBADF);
	assert_null(reader);
	ring_reader_free(NULL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_in_order),
		cmocka_unit_test(what_is_discarded_is_passed_over),
		cmocka_unit_test(what_is_being_written_is_waited_for),
		cmocka_unit_test(a_bound_is_kept),
		cmocka_unit_test(room_is_given_back_in_parts),
		cmocka_unit_test(records_may_cross_the_end),
		cmocka_unit_test(every_size_may_cross_the_end),
		cmocka_unit_test(every_kind_may_cross_the_end),
		cmocka_unit_test(many_records_go_round),
		cmocka_unit_test(what_is_too_long_to_be_copied_loses_its_end),
		cmocka_unit_test(what_is_no_ring_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
