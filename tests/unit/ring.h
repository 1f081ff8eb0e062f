/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_RING_H
#define TCPWATCH_RING_H

/* A ring with the kernel's layout, in a memfd, and its writer. */
#include "events.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

struct ring_memory {
	size_t page, size;
	int fd;
	unsigned long *consumer, *producer;
	unsigned char *data;
};

static inline void ring_map(struct ring_memory *ring, size_t pages, unsigned long position)
{
	unsigned char *all;

	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	ring->size = pages * ring->page;
	ring->fd = memfd_create("ring", MFD_CLOEXEC);
	assert_true(ring->fd >= 0);
	assert_int_equal(ftruncate(ring->fd, (off_t)(2 * ring->page + ring->size)), 0);
	all = mmap(NULL, 2 * ring->page + ring->size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
		   0);
	assert_true(all != MAP_FAILED);
	ring->consumer = (unsigned long *)all;
	ring->producer = (unsigned long *)(all + ring->page);
	ring->data = all + 2 * ring->page;
	*ring->consumer = position;
	*ring->producer = position;
}

static inline void ring_unmap(struct ring_memory *ring)
{
	munmap(ring->consumer, 2 * ring->page + ring->size);
	close(ring->fd);
}

static inline bool ring_has_room(const struct ring_memory *ring, uint32_t length)
{
	return *ring->producer + (BPF_RINGBUF_HDR_SZ + length + 7) / 8 * 8 - *ring->consumer <=
	       ring->size;
}

/* Reserves a record. Returns its header. */
static inline uint32_t *ring_put(struct ring_memory *ring, uint32_t length, uint32_t flags)
{
	uint32_t *header = (uint32_t *)(ring->data + (*ring->producer & (ring->size - 1)));

	assert_true(ring_has_room(ring, length));
	*header = length | flags;
	*ring->producer += (BPF_RINGBUF_HDR_SZ + length + 7) / 8 * 8;
	return header;
}

/* The place of a byte of the record with this header, which may be behind the ring's end. */
static inline unsigned char *ring_byte(const struct ring_memory *ring, const uint32_t *header,
				       size_t i)
{
	size_t at = (size_t)((const unsigned char *)header - ring->data) + BPF_RINGBUF_HDR_SZ + i;

	return ring->data + (at & (ring->size - 1));
}

#endif
