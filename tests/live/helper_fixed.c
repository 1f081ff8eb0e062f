/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * fixed COUNT (client | server) (exit | kill | unregister | close): COUNT connections within this
 * process, whose other ends are closed. This end of each, the connected or the accepted one, is
 * held by an io_uring alone, as a fixed file, for 300 ms. Then the process ends at once, or after
 * it has given the files up together, or one by one.
 */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT_MAX 64

static struct io_uring_params params;
static int ring_fd;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *map(size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, offset);

	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

/* Closes a fixed file by IORING_OP_CLOSE. */
static void close_fixed(unsigned int slot)
{
	static char *sq, *cq;
	static struct io_uring_sqe *sqes;
	unsigned int *tail, *mask;

	if (!sq) {
		sq = map(params.sq_off.array + params.sq_entries * sizeof(unsigned int),
			 IORING_OFF_SQ_RING);
		cq = map(params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
			 IORING_OFF_CQ_RING);
		sqes = map(params.sq_entries * sizeof(*sqes), IORING_OFF_SQES);
	}
	tail = (unsigned int *)(sq + params.sq_off.tail);
	mask = (unsigned int *)(sq + params.sq_off.ring_mask);
	memset(&sqes[*tail & *mask], 0, sizeof(*sqes));
	sqes[*tail & *mask].opcode = IORING_OP_CLOSE;
	sqes[*tail & *mask].file_index = slot + 1;
	((unsigned int *)(sq + params.sq_off.array))[*tail & *mask] = *tail & *mask;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, ring_fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		fail("io_uring_enter");
	*(unsigned int *)(cq + params.cq_off.head) += 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int held[COUNT_MAX], peers[COUNT_MAX];
	int count = argc == 4 ? atoi(argv[1]) : 0;

	if (count < 1 || count > COUNT_MAX)
		return 2;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, COUNT_MAX) ||
	    getsockname(listener, (struct sockaddr *)&address, &size))
		fail("listen");
	ring_fd = (int)syscall(__NR_io_uring_setup, 4, &params);
	if (ring_fd < 0)
		fail("io_uring_setup");
	for (int i = 0; i < count; i++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);
		int server;

		if (connect(client, (struct sockaddr *)&address, size))
			fail("connect");
		server = accept(listener, NULL, NULL);
		held[i] = strcmp(argv[2], "client") ? server : client;
		peers[i] = held[i] == client ? server : client;
	}
	if (syscall(__NR_io_uring_register, ring_fd, IORING_REGISTER_FILES, held, count))
		fail("IORING_REGISTER_FILES");
	for (int i = 0; i < count; i++) {
		close(held[i]);
		close(peers[i]);
	}
	usleep(300 * 1000);
	if (!strcmp(argv[3], "kill"))
		raise(SIGKILL);
	if (!strcmp(argv[3], "unregister") &&
	    syscall(__NR_io_uring_register, ring_fd, IORING_UNREGISTER_FILES, NULL, 0))
		fail("IORING_UNREGISTER_FILES");
	for (int i = 0; i < count && !strcmp(argv[3], "close"); i++)
		close_fixed((unsigned int)i);
	_exit(0);
}
