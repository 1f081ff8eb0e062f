// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The epoll data of a process, from the highest bit: the tag, the pidfd, the pid. */
#define TAG	 (1ULL << 63)
#define FD_SHIFT 32
#define FD_MASK	 0x7fffffffULL

#define COMM_LEN 16
/* Kernel threads have longer names in /proc. */
#define COMM_SIZE 32

/* More targets than this are counted. */
#define TARGETS_NAMED 4

_Static_assert(TARGETS_NAMED *(COMM_SIZE + sizeof("[4194304], ")) + sizeof("processes named ") +
			       sizeof(" and 18446744073709551615 more") <=
		       TARGETS_TEXT_LEN,
	       "room for the names and the count");

static ssize_t file_read(const char *path, char *text, size_t size)
{
	size_t length = 0;
	ssize_t count;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	do {
		count = read(fd, text + length, size - 1 - length);
		if (count > 0)
			length += (size_t)count;
	} while (count > 0 || (count < 0 && errno == EINTR));
	count = count < 0 ? -errno : (ssize_t)length;
	close(fd);
	text[length] = '\0';
	return count;
}

int targets_process_of(uint32_t thread, uint32_t *process)
{
	static const char key[] = "\nTgid:\t";
	char path[32], text[1024];
	unsigned long number;
	const char *value;
	char *end;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%u/status", thread);
	length = file_read(path, text, sizeof(text));
	if (length == -ENOENT)
		return -ESRCH;
	if (length < 0)
		return (int)length;
	/* The name, in a line before, cannot forge this one: the kernel escapes its newlines
	 * (proc_task_name()). */
	value = strstr(text, key);
	if (!value)
		return -EPROTO;
	value += strlen(key);
	number = strtoul(value, &end, 10);
	if (*end != '\n' || number < 1 || number > PID_MAX)
		return -EPROTO;
	*process = (uint32_t)number;
	return 0;
}

int targets_add(struct targets *targets, uint32_t tgid)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = (int)syscall(SYS_pidfd_open, tgid, 0);
	int err;

	if (fd < 0)
		return -errno;
	event.data.u64 = TAG | (uint64_t)fd << FD_SHIFT | tgid;
	if (epoll_ctl(targets->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		err = -errno;
		close(fd);
		return err;
	}
	targets->alive++;
	return 0;
}

bool targets_ended(struct targets *targets, uint64_t epoll_data, uint32_t *tgid)
{
	if (!(epoll_data & TAG))
		return false;
	*tgid = (uint32_t)epoll_data;
	close((int)(epoll_data >> FD_SHIFT & FD_MASK));
	targets->alive--;
	return true;
}

static void read_comm(uint32_t tgid, char *comm, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(comm, size, "?");
	snprintf(path, sizeof(path), "/proc/%u/comm", tgid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(comm, (int)size, file))
		comm[strcspn(comm, "\n")] = '\0';
	fclose(file);
}

/* Writes the command name that the process will have after execve(). */
static void name_put(char *comm, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(comm, size < COMM_LEN ? size : COMM_LEN, "%s", slash ? slash + 1 : path);
}

/* Writes "A, B, C, D and 3 more": `put` writes the target of a number. */
static void list_put(char *text, size_t size, const struct options *options, size_t count,
		     void (*put)(char *text, size_t size, const struct options *options, size_t i))
{
	size_t shown = count > TARGETS_NAMED ? TARGETS_NAMED : count;

	for (size_t i = 0; i < shown; i++) {
		size_t used = strlen(text);

		if (i) {
			snprintf(text + used, size - used, ", ");
			used = strlen(text);
		}
		put(text + used, size - used, options, i);
	}
	if (shown < count)
		snprintf(text + strlen(text), size - strlen(text), " and %zu more", count - shown);
}

static void put_pid(char *text, size_t size, const struct options *options, size_t i)
{
	char comm[COMM_SIZE];

	read_comm(options->pids[i], comm, sizeof(comm));
	snprintf(text, size, "%s[%u]", comm, options->pids[i]);
}

static void put_number(char *text, size_t size, const struct options *options, size_t i)
{
	snprintf(text, size, "%u", options->pids[i]);
}

static void put_comm(char *text, size_t size, const struct options *options, size_t i)
{
	snprintf(text, size, "%s", options->comms[i]);
}

const char *targets_describe(const struct options *options, bool of_this_host,
			     char text[TARGETS_TEXT_LEN])
{
	char comm[COMM_SIZE];

	text[0] = '\0';
	if (options->command) {
		name_put(comm, sizeof(comm), options->command[0]);
		snprintf(text, TARGETS_TEXT_LEN, "%s[%u]", comm, options->pids[0]);
	} else if (options->pid_count && !of_this_host) {
		snprintf(text, TARGETS_TEXT_LEN, "process%s ", options->pid_count > 1 ? "es" : "");
		list_put(text, TARGETS_TEXT_LEN, options, options->pid_count, put_number);
	} else if (options->pid_count) {
		list_put(text, TARGETS_TEXT_LEN, options, options->pid_count, put_pid);
	} else if (options->comm_count) {
		snprintf(text, TARGETS_TEXT_LEN, "processes named ");
		list_put(text, TARGETS_TEXT_LEN, options, options->comm_count, put_comm);
	} else {
		return NULL;
	}
	return text;
}

static uint32_t netns_of(const char *process)
{
	char path[32];
	struct stat file;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", process);
	return stat(path, &file) ? 0 : (uint32_t)file.st_ino;
}

uint32_t targets_netns(const struct options *options)
{
	uint32_t common = 0;

	for (size_t i = 0; i < options->pid_count; i++) {
		char pid[16];
		uint32_t netns;

		snprintf(pid, sizeof(pid), "%u", options->pids[i]);
		netns = netns_of(pid);
		if (!netns || (common && netns != common))
			return netns_of("self");
		common = netns;
	}
	return common ? common : netns_of("self");
}
