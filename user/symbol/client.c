// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/journal.h"
#include "base/units.h"
#include "symbol/spawner.h"
#include "symbol/worker.h"

/* How much longer than the worker's own limit main waits before it has the worker killed. */
#define MARGIN_NS (2 * NS_PER_S)
/* The least time between two starts of the worker. */
#define PAUSE_NS (1 * NS_PER_S)

struct symbol_client {
	struct symbol_spawner spawner;
	int fd;			    /* of the current worker; -1: there is none */
	_Atomic uint32_t *progress; /* of the current worker */
	int epoll_fd;		    /* watches fd */
	bool is_over;		    /* no worker can be started any more */
	bool waits;
	uint64_t until_ns; /* deadline of the request */
	uint64_t start_ns; /* no restart before this */
	uint64_t patience_ns;
	uint32_t file_count; /* of the request */
	uint32_t culprit;
	char packet[sizeof(struct symbol_answer) + 1];
	struct symbol_answer answer;
};

static void give_up(struct symbol_client *client, const char *why, int err)
{
	client->is_over = true;
	journal_say(SD_WARNING, "-s: stacks get no names, only modules and offsets: %s%s%s", why,
		    err ? ": " : "", err ? strerror(-err) : "");
}

static int start(struct symbol_client *client)
{
	struct epoll_event event = {.events = EPOLLIN};
	int err = symbol_spawner_ask(&client->spawner, &client->fd, &client->progress);

	if (err == -EPIPE)
		give_up(client,
			"tcpwatch-spawn, which starts the process that reads programs, has "
			"ended",
			0);
	if (err)
		return err;
	if (!epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->fd, &event))
		return 0;
	err = -errno;
	close(client->fd);
	client->fd = -1;
	return err;
}

int symbol_client_new(struct symbol_client **client, bool debuginfod)
{
	struct symbol_client *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->fd = -1;
	made->spawner.fd = -1;
	made->patience_ns = symbol_worker_patience_s(debuginfod) * NS_PER_S + MARGIN_NS;
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (made->epoll_fd < 0) {
		err = -errno;
		symbol_client_free(made);
		return err;
	}
	err = symbol_spawner_start(&made->spawner, debuginfod);
	if (err)
		give_up(made,
			"the process that reads programs was not started, as it cannot give up its "
			"privileges (as root it needs CAP_SETUID and CAP_SETGID)",
			err);
	else
		start(made);
	*client = made;
	return 0;
}

void symbol_client_free(struct symbol_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	symbol_spawner_stop(&client->spawner);
	if (client->epoll_fd >= 0)
		close(client->epoll_fd);
	free(client);
}

int symbol_client_fd(const struct symbol_client *client)
{
	return client->epoll_fd;
}

bool symbol_client_ready(struct symbol_client *client, uint64_t now_ns)
{
	if (client->waits || client->is_over)
		return false;
	if (client->fd >= 0)
		return true;
	if (now_ns < client->start_ns)
		return false;
	client->start_ns = now_ns + PAUSE_NS;
	return !start(client);
}

bool symbol_client_is_over(const struct symbol_client *client)
{
	return client->is_over;
}

static void break_off(struct symbol_client *client, uint64_t now_ns)
{
	uint32_t file = atomic_load(client->progress);

	client->culprit = client->waits && file < client->file_count ? file : SYMBOL_NO_FILE;
	client->waits = false;
	client->start_ns = now_ns + PAUSE_NS;
	close(client->fd);
	client->fd = -1;
	symbol_spawner_kill(&client->spawner);
}

int symbol_client_send(struct symbol_client *client, const struct symbol_request *request,
		       const int *fds, size_t fd_count, uint64_t now_ns)
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
	client->file_count = request->file_count;
	if (sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		int err = -errno;

		break_off(client, now_ns);
		return err;
	}
	client->waits = true;
	client->until_ns = now_ns + client->patience_ns;
	return 0;
}

enum symbol_client_result symbol_client_run(struct symbol_client *client, uint64_t now_ns)
{
	ssize_t len;

	if (client->fd < 0)
		return CLIENT_WAITS;
	len = recv(client->fd, client->packet, sizeof(client->packet), MSG_DONTWAIT);
	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (!client->waits || now_ns < client->until_ns)
			return CLIENT_WAITS;
	} else if (len > 0 && client->waits &&
		   !symbol_answer_read(&client->answer, client->packet, (size_t)len,
				       client->file_count)) {
		client->waits = false;
		return CLIENT_ANSWER;
	}
	break_off(client, now_ns);
	return CLIENT_BROKEN;
}

const struct symbol_answer *symbol_client_answer(const struct symbol_client *client)
{
	return &client->answer;
}

uint32_t symbol_client_culprit(const struct symbol_client *client)
{
	return client->culprit;
}

uint64_t symbol_client_deadline(const struct symbol_client *client)
{
	return client->waits ? client->until_ns : UINT64_MAX;
}
