// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/ring_reader.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The writer reads the position with each record, so it is not written with each one: a cache line
 * would go to and fro. */
#define RELEASED_PARTS 16

/* What a descriptor of a ring maps: a page with the reader's position, one with the writer's, then
 * the data (kernel/bpf/ringbuf.c). */
struct ring_reader {
	size_t page;
	size_t size;		       /* of the data */
	unsigned long position;	       /* of the next record */
	unsigned long *consumer;       /* the same, as the kernel knows it */
	const unsigned long *producer; /* written by the kernel */
	const unsigned char *data;
};

int ring_reader_new(struct ring_reader **reader, int fd, size_t size)
{
	struct ring_reader *ring;
	void *theirs, *ours;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int err;

	if (size < page || size & (size - 1))
		return -EINVAL;
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	ours = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ours == MAP_FAILED) {
		err = -errno;
		free(ring);
		return err;
	}
	theirs = mmap(NULL, page + size, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (theirs == MAP_FAILED) {
		err = -errno;
		munmap(ours, page);
		free(ring);
		return err;
	}
	*ring = (struct ring_reader){
		.page = page,
		.size = size,
		.position = *(const unsigned long *)ours,
		.consumer = ours,
		.producer = theirs,
		.data = (const unsigned char *)theirs + page,
	};
	*reader = ring;
	return 0;
}

void ring_reader_free(struct ring_reader *reader)
{
	if (!reader)
		return;
	munmap((void *)reader->producer, reader->page + reader->size);
	munmap(reader->consumer, reader->page);
	free(reader);
}

unsigned long ring_reader_written(const struct ring_reader *reader)
{
	return __atomic_load_n(reader->producer, __ATOMIC_ACQUIRE);
}

bool ring_reader_is_empty(const struct ring_reader *reader)
{
	return reader->position == ring_reader_written(reader);
}

/* Every record begins so. */
#define TIME_AT	       offsetof(struct event_transition, time_ns)
#define HAS_TIME(type) _Static_assert(offsetof(type, time_ns) == TIME_AT, "its time is read here")

HAS_TIME(struct event_accept);
HAS_TIME(struct event_exec);
HAS_TIME(struct event_exit);
HAS_TIME(struct event_fork);
HAS_TIME(struct event_mini);
HAS_TIME(struct event_request);
HAS_TIME(struct event_segment);
HAS_TIME(struct event_stack);

void ring_reader_release(struct ring_reader *reader)
{
	if (reader->position != *reader->consumer)
		__atomic_store_n(reader->consumer, reader->position, __ATOMIC_RELEASE);
}

static uint32_t load_header(const struct ring_reader *reader)
{
	size_t at = reader->position & (reader->size - 1);

	return __atomic_load_n((const uint32_t *)(reader->data + at), __ATOMIC_ACQUIRE);
}

static size_t length_of(uint32_t header)
{
	return header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
}

static void go_past(struct ring_reader *reader, size_t length)
{
	reader->position += (BPF_RINGBUF_HDR_SZ + length + 7) & ~7UL;
	if (reader->position - *reader->consumer >= reader->size / RELEASED_PARTS)
		ring_reader_release(reader);
}

enum ring_head ring_reader_head(struct ring_reader *reader, unsigned long end, uint64_t *time_ns)
{
	/* The difference is positive also where the positions have overflowed. */
	while ((long)(end - reader->position) > 0) {
		uint32_t header = load_header(reader);
		size_t at = reader->position + BPF_RINGBUF_HDR_SZ + TIME_AT;

		if (header & BPF_RINGBUF_BUSY_BIT)
			return RING_BUSY;
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			/* Records are aligned, so the end of the ring does not split a number. */
			memcpy(time_ns, reader->data + (at & (reader->size - 1)), sizeof(*time_ns));
			return RING_RECORD;
		}
		go_past(reader, length_of(header));
	}
	return RING_END;
}

void ring_reader_take(struct ring_reader *reader, ring_sink sink, void *context)
{
	_Alignas(uint64_t) unsigned char whole[RING_RECORD_MAX];
	size_t begin = (reader->position + BPF_RINGBUF_HDR_SZ) & (reader->size - 1);
	size_t before_end = reader->size - begin;
	size_t length = length_of(load_header(reader)), all = length;

	if (length <= before_end) {
		sink(context, reader->data + begin, length);
	} else {
		if (length > sizeof(whole))
			length = sizeof(whole);
		if (before_end > length)
			before_end = length;
		memcpy(whole, reader->data + begin, before_end);
		memcpy(whole + before_end, reader->data, length - before_end);
		sink(context, whole, length);
	}
	go_past(reader, all);
}
