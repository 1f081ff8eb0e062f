/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * uring (client PORT | server) (inline | async): one connection made, or accepted, and closed by
 * io_uring alone.
 *
 * async has a kernel worker thread do it. A server prints its port; then both print the descriptor
 * and the cookie, wait for a line on stdin, close by io_uring, and wait for the end of stdin.
 */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

static struct {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned int flags;
} ring;

static void *map(size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd,
			offset);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return at;
}

static void ring_open(void)
{
	struct io_uring_params p = {0};
	char *sq, *cq;

	ring.fd = (int)syscall(__NR_io_uring_setup, 4, &p);
	if (ring.fd < 0) {
		perror("io_uring_setup");
		exit(1);
	}
	sq = map(p.sq_off.array + p.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = map(p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	ring.sqes = map(p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring.sq_tail = (unsigned int *)(sq + p.sq_off.tail);
	ring.sq_mask = (unsigned int *)(sq + p.sq_off.ring_mask);
	ring.sq_array = (unsigned int *)(sq + p.sq_off.array);
	ring.cq_head = (unsigned int *)(cq + p.cq_off.head);
	ring.cq_mask = (unsigned int *)(cq + p.cq_off.ring_mask);
	ring.cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
}

/* Submits one operation, waits for it, returns its result; ends the program where it failed. */
static int ring_do(const char *what, int opcode, int fd, const void *address, uint64_t offset)
{
	unsigned int at = *ring.sq_tail & *ring.sq_mask;
	struct io_uring_sqe *sqe = &ring.sqes[at];
	int result;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = (uint8_t)opcode;
	sqe->flags = (uint8_t)ring.flags;
	sqe->fd = fd;
	sqe->addr = (uint64_t)(uintptr_t)address;
	sqe->off = offset;
	ring.sq_array[at] = at;
	__atomic_store_n(ring.sq_tail, *ring.sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) {
		perror("io_uring_enter");
		exit(1);
	}
	result = ring.cqes[*ring.cq_head & *ring.cq_mask].res;
	__atomic_store_n(ring.cq_head, *ring.cq_head + 1, __ATOMIC_RELEASE);
	if (result < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-result));
		exit(1);
	}
	return result;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address), cookie_size = sizeof(uint64_t);
	uint64_t cookie = 0;
	char line[64];
	int fd;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[argc - 1], "async"))
		ring.flags = IOSQE_ASYNC;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ring_open();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (!strcmp(argv[1], "client")) {
		address.sin_port = htons((uint16_t)atoi(argv[2]));
		ring_do("connect", IORING_OP_CONNECT, fd, &address, size);
	} else {
		if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 16) ||
		    getsockname(fd, (struct sockaddr *)&address, &size))
			return 1;
		printf("%d\n", ntohs(address.sin_port));
		fflush(stdout);
		fd = ring_do("accept", IORING_OP_ACCEPT, fd, NULL, 0);
	}
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &cookie_size);
	printf("%d %llx\n", fd, (unsigned long long)cookie);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	ring_do("close", IORING_OP_CLOSE, fd, NULL, 0);
	puts("closed");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	return 0;
}
