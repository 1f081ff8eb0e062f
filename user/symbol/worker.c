// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/worker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "symbol/jail.h"
#include "symbol/lookup.h"
#include "symbol/wire.h"

/* After this long without a request, the worker frees what it has read. */
#define IDLE_MS 60000

/* The worker's descriptor of the socket. All higher ones are closed. */
#define SOCKET_FD 3

struct packet {
	struct symbol_request request;
	int fds[SYMBOL_REQUEST_FILES];
	int perf;
};

/* Assigns the received descriptors to the request's files, and closes surplus ones. */
static void take_fds(struct packet *packet, struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	size_t next = 0, count = 0;
	int fds[SYMBOL_REQUEST_FILES + 1];

	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS) {
		count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(control), count * sizeof(int));
	}
	for (size_t i = 0; i < SYMBOL_REQUEST_FILES; i++)
		packet->fds[i] =
			i < packet->request.file_count && packet->request.has_fd[i] && next < count
				? fds[next++]
				: -1;
	packet->perf = packet->request.has_perf && next < count ? fds[next++] : -1;
	while (next < count)
		close(fds[next++]);
}

/* Returns false where main has ended, or the packet is no request. */
static bool receive(struct packet *packet)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * (SYMBOL_REQUEST_FILES + 1))];
	} control;
	struct iovec data = {&packet->request, sizeof(packet->request)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t len;

	do
		len = recvmsg(SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len <= 0 || !symbol_request_check(&packet->request, (size_t)len))
		return false;
	take_fds(packet, &message);
	return true;
}

static bool send_answer(struct symbol_answer *answer)
{
	struct iovec data[] = {{&answer->head, sizeof(answer->head)},
			       {answer->frames, answer->head.count * sizeof(answer->frames[0])},
			       {answer->text, answer->head.text_len}};
	struct msghdr message = {.msg_iov = data, .msg_iovlen = 3};

	return sendmsg(SOCKET_FD, &message, MSG_NOSIGNAL) >= 0;
}

static void work(_Atomic uint32_t *progress, unsigned int patience_s)
{
	struct pollfd wait = {.fd = SOCKET_FD, .events = POLLIN};
	struct symbol_lookup *lookup = symbol_lookup_new(progress);
	struct symbol_answer *answer = calloc(1, sizeof(*answer));
	struct packet *packet = calloc(1, sizeof(*packet));
	bool fresh = true;

	while (lookup && answer && packet) {
		if (!poll(&wait, 1, fresh ? -1 : IDLE_MS)) {
			symbol_lookup_forget(lookup);
			malloc_trim(0);
			fresh = true;
			continue;
		}
		if (!receive(packet))
			break;
		/* Main kills it a little later; this is for a main that is stopped. */
		alarm(patience_s);
		symbol_lookup_answer(lookup, &packet->request, packet->fds, packet->perf, answer);
		alarm(0);
		if (!send_answer(answer))
			break;
		fresh = false;
	}
}

static bool prepare(int fd, pid_t parent, bool debuginfod)
{
	if (dup2(fd, SOCKET_FD) < 0 || close_range(SOCKET_FD + 1, ~0U, 0) || jail_limit_resources())
		return false;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != parent)
		return false;
	return !jail_limit_calls(JAIL_WORKER, debuginfod);
}

void symbol_worker_run(int fd, _Atomic uint32_t *progress, pid_t parent, bool debuginfod)
{
	prctl(PR_SET_NAME, "tcpwatch-symbols", 0, 0, 0);
	if (!prepare(fd, parent, debuginfod))
		_exit(EXIT_FAILURE);
	work(progress, symbol_worker_patience_s(debuginfod));
	_exit(EXIT_SUCCESS);
}
