// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/asker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/units.h"
#include "host/asker_files.h"

#define NO_FD (-1)

/* How long a new helper may take until it can be asked. That depends on this machine only. */
#define START_NS (2 * NS_PER_S)

static struct {
	bool started;
	int fd; /* of the helper; NO_FD: there is none */
	pid_t helper;
	pid_t lingering[ASKER_LINGERING]; /* killed, but not gone yet; 0: free */
	uint64_t window_ns;		  /* when it began */
	unsigned int silences;		  /* in it */
	uint64_t silent[ASKER_SILENCES];  /* what these questions were about */
	uint64_t failures;
	bool said;
} asker = {.fd = NO_FD};

static void reap(void)
{
	for (size_t i = 0; i < ASKER_LINGERING; i++)
		if (asker.lingering[i] && waitpid(asker.lingering[i], NULL, WNOHANG))
			asker.lingering[i] = 0;
}

static pid_t *lingering_place(void)
{
	for (size_t i = 0; i < ASKER_LINGERING; i++)
		if (!asker.lingering[i])
			return &asker.lingering[i];
	return NULL;
}

/* What waits in the kernel ends when that wait can be killed, or later. */
static void end_helper(void)
{
	pid_t *place = lingering_place();

	if (asker.fd == NO_FD)
		return;
	close(asker.fd);
	asker.fd = NO_FD;
	kill(asker.helper, SIGKILL);
	if (place) /* there is one: start_helper() */
		*place = asker.helper;
	reap();
}

_Noreturn static void be_helper(int fd, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	prctl(PR_SET_NAME, "tcpwatch-asker");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* The others are main's; what main closes must be closed. */
	if (dup2(fd, STDIN_FILENO) < 0 || syscall(SYS_close_range, 1, ~0U, 0))
		_exit(1);
	if (send(STDIN_FILENO, "", 1, MSG_NOSIGNAL) != 1)
		_exit(1);
	while (asker_files_serve(STDIN_FILENO))
		;
	_exit(0);
}

static bool await(uint64_t until_ns)
{
	struct pollfd fd = {.fd = asker.fd, .events = POLLIN};
	uint64_t now_ns;
	int count;

	do {
		now_ns = clock_now();
		if (now_ns >= until_ns)
			return false;
		count = poll(&fd, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1);
	} while (count < 0 && errno == EINTR);
	return count > 0;
}

static int start_helper(void)
{
	pid_t parent = getpid(), child;
	int ends[2];
	char ready;

	reap();
	if (!lingering_place())
		return -EBUSY;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	child = fork();
	if (child == 0)
		be_helper(ends[1], parent);
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return -EBUSY;
	}
	asker.helper = child;
	asker.fd = ends[0];
	if (await(clock_now() + START_NS) && recv(asker.fd, &ready, 1, MSG_DONTWAIT) == 1)
		return 0;
	end_helper();
	return -EBUSY;
}

void asker_start(void)
{
	asker.started = true;
}

void asker_renew(void)
{
	end_helper();
}

void asker_stop(void)
{
	end_helper();
	asker.started = false;
}

uint64_t asker_failures(void)
{
	return asker.failures;
}

/* What a question is about: a process, or a path that begins in the folder `at`, so that a silent
 * file of a container has nothing to do with one of that name elsewhere. Where two have the same
 * number, one of them pays for the other. */
static uint64_t subject_of(int at, const char *path)
{
	size_t length = strlen(path);
	uint64_t hash = 0xcbf29ce484222325ULL ^ (unsigned int)at; /* FNV-1a */

	if (!strncmp(path, "/proc/", strlen("/proc/")))
		length = strlen("/proc/") + strcspn(path + strlen("/proc/"), "/");
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)path[i]) * 0x100000001b3ULL;
	return hash;
}

static bool was_silent(uint64_t subject)
{
	for (unsigned int i = 0; i < asker.silences; i++)
		if (asker.silent[i] == subject)
			return true;
	return false;
}

static int silent(uint64_t subject)
{
	end_helper();
	asker.silent[asker.silences++] = subject;
	asker.failures++;
	if (asker.said)
		return -ETIMEDOUT;
	asker.said = true;
	journal_say(SD_WARNING,
		    "a process, or the file system of its program, does not answer; its limits, "
		    "and with -s its names, stay unknown");
	return -ETIMEDOUT;
}

/* Whether a question may be asked now: 0 or a negative errno. */
static int may_ask(uint64_t subject)
{
	uint64_t now_ns = clock_now();
	int err = -EBUSY;

	if (now_ns - asker.window_ns >= ASKER_WINDOW_NS) {
		asker.window_ns = now_ns;
		asker.silences = 0;
	}
	if (was_silent(subject))
		err = -ETIMEDOUT;
	else if (asker.silences < ASKER_SILENCES && (asker.fd != NO_FD || !start_helper()))
		return 0;
	asker.failures++;
	return err;
}

/* Reads a file of the helper in /proc. It makes nobody wait: the helper does not execve(). */
static const char *read_helper(const char *name, char text[512])
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", asker.helper, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? 0 : read(fd, text, 511);
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return text;
}

/* For how long the helper was at work, or ready for it without a processor; 0 where the kernel does
 * not say. */
static uint64_t helper_busy(void)
{
	unsigned long long ran_ns = 0, waited_ns = 0;
	char text[512];

	if (sscanf(read_helper("schedstat", text), "%llu %llu", &ran_ns, &waited_ns) != 2)
		return 0;
	return ran_ns + waited_ns;
}

/* Whether it is so now: the kernel counts a wait when it is over. */
static bool helper_is_busy(void)
{
	char text[512];

	/* Behind its name, which has no ')'. */
	return strstr(read_helper("stat", text), ") R ") != NULL;
}

/* Waits for the answer. Neither a busy machine nor a long file is a silent process: what counts is
 * the time for which the helper sleeps in the kernel. */
static bool await_answer(uint64_t now_ns)
{
	uint64_t patience_ns = ASKER_DEADLINE_NS >> asker.silences;
	uint64_t before_ns = helper_busy(), last_ns, until_ns;

	if (patience_ns < ASKER_SHORTEST_NS)
		patience_ns = ASKER_SHORTEST_NS;
	until_ns = now_ns + patience_ns;
	last_ns = until_ns + ASKER_BUSY_NS;
	while (!await(until_ns)) {
		uint64_t later_ns = now_ns + patience_ns + helper_busy() - before_ns;

		if (later_ns < until_ns + NS_PER_MS && helper_is_busy())
			later_ns = until_ns + ASKER_SHORTEST_NS;
		if (later_ns > last_ns)
			later_ns = last_ns;
		if (later_ns < until_ns + NS_PER_MS)
			return false;
		until_ns = later_ns;
	}
	return true;
}

/* Sets *answer. Returns a descriptor, 0 if the answer has none, or a negative errno. */
static int ask(const struct asker_question *question, int at, struct asker_answer *answer)
{
	uint64_t subject = subject_of(at, question->path);
	int fd = 0, err;

	if (!asker.started)
		return asker_files_answer(question, at, answer);
	err = may_ask(subject);
	if (err)
		return err;
	if (asker_files_send(asker.fd, question, sizeof(*question), at) ||
	    !await_answer(clock_now()) ||
	    asker_files_receive(asker.fd, answer, sizeof(*answer), &fd))
		return silent(subject);
	return answer->err ? answer->err : fd > 0 ? fd : 0;
}

static int set_path(struct asker_question *question, const char *path)
{
	size_t len = strlen(path);

	if (len >= sizeof(question->path))
		return -ENAMETOOLONG;
	memcpy(question->path, path, len + 1);
	return 0;
}

int asker_read(const char *path, uint64_t most)
{
	struct asker_question question = {.what = ASKER_READ, .most = most};
	struct asker_answer answer = {0};
	int err = set_path(&question, path);

	return err ? err : ask(&question, AT_FDCWD, &answer);
}

int asker_stat(const char *path, struct stat *what)
{
	struct asker_question question = {.what = ASKER_STAT};
	struct asker_answer answer = {0};
	int err = set_path(&question, path);

	if (!err)
		err = ask(&question, AT_FDCWD, &answer);
	if (!err)
		*what = answer.status;
	return err;
}

int asker_open(int at, const char *path, const struct open_how *how, bool regular, bool local,
	       struct stat *what)
{
	struct asker_question question = {
		.what = ASKER_OPEN, .how = *how, .regular = regular, .local = local};
	struct asker_answer answer = {0};
	int fd = set_path(&question, path);

	if (!fd)
		fd = ask(&question, at, &answer);
	if (fd > 0)
		*what = answer.status;
	return fd;
}
