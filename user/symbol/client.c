// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "symbol/worker.h"
#include "base/units.h"

/* The worker ends itself before that. */
#define PATIENCE_NS ((SYMBOL_WORKER_PATIENCE_S + 2) * NS_PER_S)
/* Between two starts, once a worker has ended. */
#define PAUSE_NS (1 * NS_PER_S)

struct symbol_link {
	struct symbol_worker worker;
	int epoll_fd; /* has the worker's socket, whichever it is */
	bool waits;
	uint64_t until_ns; /* of the request */
	uint64_t start_ns; /* not before */
	uint64_t patience_ns;
	uint32_t file_count; /* of the request */
	uint32_t culprit;
	char packet[sizeof(struct symbol_answer) + 1];
	struct symbol_answer answer;
};

static int start(struct symbol_link *link)
{
	struct epoll_event event = {.events = EPOLLIN};
	int err = symbol_worker_start(&link->worker);

	if (err)
		return err;
	if (!epoll_ctl(link->epoll_fd, EPOLL_CTL_ADD, link->worker.fd, &event))
		return 0;
	err = -errno;
	symbol_worker_stop(&link->worker);
	return err;
}

int symbol_link_new(struct symbol_link **link)
{
	struct symbol_link *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->patience_ns = PATIENCE_NS;
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = made->epoll_fd < 0 ? -errno : start(made);
	if (err) {
		symbol_link_free(made);
		return err;
	}
	*link = made;
	return 0;
}

void symbol_link_free(struct symbol_link *link)
{
	if (!link)
		return;
	symbol_worker_stop(&link->worker);
	if (link->epoll_fd >= 0)
		close(link->epoll_fd);
	free(link);
}

int symbol_link_fd(const struct symbol_link *link)
{
	return link->epoll_fd;
}

bool symbol_link_ready(struct symbol_link *link, uint64_t now_ns)
{
	if (link->waits)
		return false;
	if (link->worker.pid)
		return true;
	if (now_ns < link->start_ns)
		return false;
	link->start_ns = now_ns + PAUSE_NS;
	return !start(link);
}

static void break_off(struct symbol_link *link, uint64_t now_ns)
{
	uint32_t file = atomic_load(link->worker.progress);

	link->culprit = link->waits && file < link->file_count ? file : SYMBOL_NO_FILE;
	link->waits = false;
	link->start_ns = now_ns + PAUSE_NS;
	symbol_worker_stop(&link->worker);
}

int symbol_link_send(struct symbol_link *link, const struct symbol_request *request, const int *fds,
		     size_t fd_count, uint64_t now_ns)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * (SYMBOL_REQUEST_FILES + 1))];
	} control = {0};
	struct iovec data = {(void *)request, symbol_request_size(request)};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	struct cmsghdr *head;

	if (fd_count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
	}
	link->file_count = request->file_count;
	if (sendmsg(link->worker.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		int err = -errno;

		break_off(link, now_ns);
		return err;
	}
	link->waits = true;
	link->until_ns = now_ns + link->patience_ns;
	return 0;
}

enum symbol_link_news symbol_link_run(struct symbol_link *link, uint64_t now_ns)
{
	ssize_t len;

	if (!link->worker.pid)
		return LINK_WAITS;
	len = recv(link->worker.fd, link->packet, sizeof(link->packet), MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (!link->waits || now_ns < link->until_ns)
			return LINK_WAITS;
	} else if (len > 0 && link->waits &&
		   !symbol_answer_read(&link->answer, link->packet, (size_t)len,
				       link->file_count)) {
		link->waits = false;
		return LINK_ANSWER;
	}
	break_off(link, now_ns);
	return LINK_BROKEN;
}

const struct symbol_answer *symbol_link_answer(const struct symbol_link *link)
{
	return &link->answer;
}

uint32_t symbol_link_culprit(const struct symbol_link *link)
{
	return link->culprit;
}

uint64_t symbol_link_deadline(const struct symbol_link *link)
{
	return link->waits ? link->until_ns : UINT64_MAX;
}
