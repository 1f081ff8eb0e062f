// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbol/jail.h"
#include "symbol/wire.h"
#include "symbol/worker.h"

/* The spawner's descriptors. All higher ones are closed. */
#define SOCKET_FD 3
#define OOM_FD	  4 /* its own /proc/self/oom_score_adj; -1 in no case: else it does not start */

/* Workers that were killed and have not ended yet: a process that waits for a file system that does
 * not answer cannot be killed before it does. With so many of them no further one is started. */
#define ENDING_MAX 8

#define CACHE_PATH "/var/cache/tcpwatch-debuginfod"

struct order {
	bool start; /* a descriptor comes with it: the worker's end of its socket */
	uint32_t slot;
};

struct spawner {
	pid_t worker;
	pid_t ending[ENDING_MAX];
	size_t ending_count;
	bool debuginfod;
	_Atomic uint32_t *progress;
	char oom_score[16]; /* what it was at the start */
};

/* The terminal's signals are for main. When it ends, the spawner ends. */
static void default_signals(void)
{
	sigset_t none;

	for (int number = 1; number < SIGRTMIN; number++)
		signal(number, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Replaces standard input and output by /dev/null: a program that reads main's output from a pipe
 * must see its end when main ends, not when the worker does. */
static int leave_pipes(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -errno;
	return 0;
}

/* As nobody it could not open the file any more: that belongs to root then. */
static int open_oom_score(struct spawner *spawner)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	ssize_t len =
		fd < 0 ? -1 : pread(fd, spawner->oom_score, sizeof(spawner->oom_score) - 1, 0);

	if (len <= 0 || (fd != OOM_FD && dup2(fd, OOM_FD) < 0))
		return -errno;
	return 0;
}

static void set_oom_score(const char *score)
{
	ssize_t written = pwrite(OOM_FD, score, strlen(score), 0);

	(void)written; /* the worker works without, too */
}

static void reap(struct spawner *spawner)
{
	size_t kept = 0;

	for (size_t i = 0; i < spawner->ending_count; i++)
		if (!waitpid(spawner->ending[i], NULL, WNOHANG))
			spawner->ending[kept++] = spawner->ending[i];
	spawner->ending_count = kept;
}

static void kill_worker(struct spawner *spawner)
{
	if (!spawner->worker)
		return;
	kill(spawner->worker, SIGKILL);
	spawner->ending[spawner->ending_count++] = spawner->worker;
	spawner->worker = 0;
}

static void start_worker(struct spawner *spawner, int fd, uint32_t slot)
{
	pid_t self = getpid();

	if (spawner->ending_count == ENDING_MAX)
		return;
	/* The worker inherits the score, and has no way to lower it. The spawner itself must not be
	 * the first that is killed. */
	set_oom_score("1000");
	spawner->worker = fork();
	if (!spawner->worker)
		symbol_worker_run(fd, &spawner->progress[slot % SPAWNER_SLOTS], self,
				  spawner->debuginfod);
	set_oom_score(spawner->oom_score);
	if (spawner->worker < 0)
		spawner->worker = 0;
}

/* Returns false where main has ended. *fd is -1 where no descriptor came. */
static bool receive(struct order *order, int *fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = {order, sizeof(*order)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *head;
	ssize_t len;

	do
		len = recvmsg(SOCKET_FD, &message, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len != (ssize_t)sizeof(*order))
		return false;
	head = CMSG_FIRSTHDR(&message);
	*fd = -1;
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(head), sizeof(*fd));
	return true;
}

static void serve(struct spawner *spawner)
{
	struct pollfd wait = {.fd = SOCKET_FD, .events = POLLIN};
	struct order order;
	int fd;

	for (;;) {
		int ready = poll(&wait, 1, spawner->ending_count ? 100 : -1);

		reap(spawner);
		if (ready <= 0)
			continue;
		if (!receive(&order, &fd))
			break;
		kill_worker(spawner);
		reap(spawner);
		if (order.start && fd >= 0)
			start_worker(spawner, fd, order.slot);
		if (fd >= 0)
			close(fd);
	}
	kill_worker(spawner);
	for (int i = 0; i < 20 && spawner->ending_count; i++, reap(spawner))
		usleep(1000);
}

/* libdebuginfod keeps what it downloads. Root's cache is not for nobody, who gets another one. */
static void prepare_cache(void)
{
	int fd;

	if (geteuid() || getenv("DEBUGINFOD_CACHE_PATH"))
		return;
	if (mkdir(CACHE_PATH, 0700) && errno != EEXIST)
		return;
	fd = open(CACHE_PATH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!fchown(fd, JAIL_NOBODY, JAIL_NOBODY))
		setenv("DEBUGINFOD_CACHE_PATH", CACHE_PATH, 1);
	close(fd);
}

static int prepare(struct spawner *spawner, int fd, pid_t parent)
{
	int err = leave_pipes();

	if (!err && fd != SOCKET_FD && dup2(fd, SOCKET_FD) < 0)
		err = -errno;
	if (!err)
		err = open_oom_score(spawner);
	if (!err && close_range(OOM_FD + 1, ~0U, 0))
		err = -errno;
	if (!err)
		err = jail_give_up_rights();
	if (!err)
		err = jail_limit_calls(JAIL_SPAWNER, spawner->debuginfod);
	/* Changing the user has cleared this (prctl(2)). */
	if (!err && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		err = -errno;
	return err || getppid() == parent ? err : -ESRCH;
}

static _Noreturn void be_spawner(struct spawner *spawner, int fd, pid_t parent)
{
	int err;

	prctl(PR_SET_NAME, "tcpwatch-spawn", 0, 0, 0);
	default_signals();
	if (spawner->debuginfod)
		prepare_cache();
	else
		unsetenv("DEBUGINFOD_URLS");
	err = prepare(spawner, fd, parent);
	/* If it has no SOCKET_FD yet, main sees the end of the socket instead. */
	if (write(SOCKET_FD, &err, sizeof(err)) == sizeof(err) && !err)
		serve(spawner);
	_exit(err ? EXIT_FAILURE : EXIT_SUCCESS);
}

int symbol_spawner_start(struct symbol_spawner *spawner, bool debuginfod)
{
	struct spawner child = {.debuginfod = debuginfod};
	int pair[2] = {-1, -1}, err;
	pid_t parent = getpid(), pid = 0;
	void *page = mmap(NULL, SPAWNER_SLOTS * sizeof(*child.progress), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	child.progress = page;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		err = -errno;
	else
		err = (pid = fork()) < 0 ? -errno : 0;
	if (!err && !pid)
		be_spawner(&child, pair[1], parent);
	if (pair[1] >= 0)
		close(pair[1]);
	/* At the start waiting is allowed: there is no loop yet that it would delay. */
	if (!err && recv(pair[0], &err, sizeof(err), 0) != sizeof(err))
		err = -EPERM;
	if (!err) {
		*spawner = (struct symbol_spawner){pid, pair[0], 0, page};
		return 0;
	}
	if (pair[0] >= 0)
		close(pair[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	munmap(page, SPAWNER_SLOTS * sizeof(*child.progress));
	return err;
}

void symbol_spawner_stop(struct symbol_spawner *spawner)
{
	if (!spawner->pid)
		return;
	close(spawner->fd);
	/* It ends because of that, and main does not wait for a spawner that is stopped. */
	for (int i = 0; i < 50 && !waitpid(spawner->pid, NULL, WNOHANG); i++)
		usleep(1000);
	munmap((void *)spawner->progress, SPAWNER_SLOTS * sizeof(*spawner->progress));
	*spawner = (struct symbol_spawner){.fd = -1};
}

static int send_order(const struct symbol_spawner *spawner, const struct order *order, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec data = {(void *)order, sizeof(*order)};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	struct cmsghdr *head;

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	if (sendmsg(spawner->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
}

int symbol_spawner_ask(struct symbol_spawner *spawner, int *fd, _Atomic uint32_t **progress)
{
	struct order order;
	int pair[2], err;

	if (!spawner->pid)
		return -EPIPE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	memset(&order, 0, sizeof(order));
	order.start = true;
	order.slot = spawner->starts++ % SPAWNER_SLOTS;
	atomic_store(&spawner->progress[order.slot], SYMBOL_NO_FILE);
	err = send_order(spawner, &order, pair[1]);
	close(pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	*fd = pair[0];
	*progress = &spawner->progress[order.slot];
	return 0;
}

void symbol_spawner_kill(struct symbol_spawner *spawner)
{
	struct order order;

	memset(&order, 0, sizeof(order));
	if (spawner->pid)
		send_order(spawner, &order, -1);
}
