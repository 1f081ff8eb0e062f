// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/worker.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbol/lookup.h"

/* The limit of the address space in bytes: the largest programs have some GB of debug
 * information. */
#define MEMORY_MAX (6ULL << 30)
/* The sanitizers that tests run with reserve more than that. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#undef MEMORY_MAX
#define MEMORY_MAX RLIM_INFINITY
#endif
#endif
#define FILES_MAX 256
#define NOBODY	  65534

/* After this long without a request, the worker frees what it has read. */
#define IDLE_MS 60000

/* The worker's descriptor of the socket. All higher ones are closed. */
#define SOCKET_FD 3

struct packet {
	struct symbol_request request;
	int fds[SYMBOL_REQUEST_FILES];
	int perf;
};

static void limit(int resource, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(resource, &now))
		return;
	if (now.rlim_max > most)
		now.rlim_max = most;
	now.rlim_cur = now.rlim_max;
	setrlimit(resource, &now);
}

/* Root becomes nobody, unless debug information is downloaded: its cache belongs to the user. */
static void drop_user(void)
{
	if (getuid() || getenv("DEBUGINFOD_URLS") || setgroups(0, NULL))
		return;
	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		_exit(EXIT_FAILURE);
}

static int drop_all(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	/* Fails without CAP_SETPCAP; then there is no more to take away. */
	capng_apply(CAPNG_SELECT_BOUNDS);
	drop_user();
	if (capng_apply(CAPNG_SELECT_CAPS) || capng_apply(CAPNG_SELECT_AMBIENT))
		return -EPERM;
	limit(RLIMIT_AS, MEMORY_MAX);
	limit(RLIMIT_NOFILE, FILES_MAX);
	limit(RLIMIT_CORE, 0);
	/* Changing the user has cleared this (prctl(2)). */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

/* The terminal's signals are for main. When it ends, the worker ends. */
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

static void work(_Atomic uint32_t *progress)
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
		/* Main may have no right to kill the process of another user. */
		alarm(SYMBOL_WORKER_PATIENCE_S);
		symbol_lookup_answer(lookup, &packet->request, packet->fds, packet->perf, answer);
		alarm(0);
		if (!send_answer(answer))
			break;
		fresh = false;
	}
}

/* Replaces standard input and output by /dev/null: a program that reads main's output from a pipe
 * must see its end when main ends, not when the worker does. */
static void leave_pipes(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(EXIT_FAILURE);
}

static void be_worker(int fd, _Atomic uint32_t *progress, pid_t parent)
{
	prctl(PR_SET_NAME, "tcpwatch-symbols", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	default_signals();
	leave_pipes();
	if (dup2(fd, SOCKET_FD) < 0 || close_range(SOCKET_FD + 1, ~0U, 0) || drop_all() ||
	    getppid() != parent)
		_exit(EXIT_FAILURE);
	work(progress);
	_exit(EXIT_SUCCESS);
}

int symbol_worker_start(struct symbol_worker *worker)
{
	struct symbol_worker made = {.fd = -1};
	int pair[2] = {-1, -1}, err;
	pid_t parent = getpid();
	void *page = mmap(NULL, sizeof(*made.progress), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -errno;
	if (worker->ending && !waitpid(worker->ending, NULL, WNOHANG))
		made.ending = worker->ending;
	made.progress = page;
	atomic_store(made.progress, SYMBOL_NO_FILE);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		err = -errno;
		goto fail;
	}
	made.pid = fork();
	if (made.pid < 0) {
		err = -errno;
		goto fail;
	}
	if (!made.pid)
		be_worker(pair[1], made.progress, parent);
	close(pair[1]);
	made.fd = pair[0];
	*worker = made;
	return 0;
fail:
	munmap(page, sizeof(*made.progress));
	if (pair[0] >= 0) {
		close(pair[0]);
		close(pair[1]);
	}
	return err;
}

void symbol_worker_stop(struct symbol_worker *worker)
{
	pid_t ended = 0;

	if (!worker->pid)
		return;
	kill(worker->pid, SIGKILL);
	close(worker->fd);
	/* Main may have no right to kill the process of another user. Then the worker ends when it
	 * sees its socket closed, or by its alarm. The next start reaps it. */
	for (int i = 0; i < 20 && !(ended = waitpid(worker->pid, NULL, WNOHANG)); i++)
		usleep(1000);
	munmap((void *)worker->progress, sizeof(*worker->progress));
	*worker = (struct symbol_worker){.fd = -1, .ending = ended ? 0 : worker->pid};
}
