// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/ring_reader.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a descriptor of a ring maps: a page with the reader's position, one with the writer's, then
 * the data (kernel/bpf/ringbuf.c). */
struct ring_reader {
	size_t page;
	size_t size;		       /* of the data */
	unsigned long *consumer;       /* written here */
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

/* Passes one record to the sink. `at`: offset of its header in the data. */
static void give(const struct ring_reader *reader, size_t at, size_t length,
		 void (*sink)(void *context, const void *record, size_t size), void *context)
{
	_Alignas(uint64_t) unsigned char whole[RING_RECORD_MAX];
	size_t begin = (at + BPF_RINGBUF_HDR_SZ) & (reader->size - 1);
	size_t before_end = reader->size - begin;

	if (length <= before_end) {
		sink(context, reader->data + begin, length);
		return;
	}
	if (length > sizeof(whole))
		length = sizeof(whole);
	if (before_end > length)
		before_end = length;
	memcpy(whole, reader->data + begin, before_end);
	memcpy(whole + before_end, reader->data, length - before_end);
	sink(context, whole, length);
}

unsigned long ring_reader_written(const struct ring_reader *reader)
{
	return __atomic_load_n(reader->producer, __ATOMIC_ACQUIRE);
}

bool ring_reader_consume(struct ring_reader *reader, unsigned long end, size_t most,
			 void (*sink)(void *context, const void *record, size_t size),
			 void *context)
{
	unsigned long position = *reader->consumer;

	/* The difference is positive also where the positions have overflowed. */
	while ((long)(end - position) > 0) {
		size_t at = position & (reader->size - 1);
		uint32_t header =
			__atomic_load_n((const uint32_t *)(reader->data + at), __ATOMIC_ACQUIRE);
		size_t length = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (header & BPF_RINGBUF_BUSY_BIT) /* the kernel is still writing it */
			return false;
		if (!most--)
			return true;
		if (!(header & BPF_RINGBUF_DISCARD_BIT))
			give(reader, at, length, sink, context);
		position += (BPF_RINGBUF_HDR_SZ + length + 7) & ~7UL;
		__atomic_store_n(reader->consumer, position, __ATOMIC_RELEASE);
	}
	return false;
}
