// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/go_probe.h"

#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "go/binary.h"
#include "host/asker.h"
#include "kernel/go_breakpoint.h"
#include "kernel/go_landmark.h"
#include "base/units.h"

#define PATH_LEN 64

/* How many files are remembered that need no reading: they have a probe, or are no Go programs. A
 * power of two; a file that was forgotten is read once more. */
#define KNOWN 4096

/* Identifies a file and its content. */
struct file_id {
	dev_t device;
	ino_t inode;
	struct timespec changed;
};

struct go_program {
	struct file_id id;
	struct bpf_link *link; /* NULL: this place is free */
	int watch;	       /* inotify's descriptor of the file */
	uint64_t used;	       /* value of `uses` when it was last executed */
};

struct go_probe {
	const struct bpf_program *program;
	const struct bpf_program *at_start; /* NULL: no breakpoints */
	bool verbose;
	int notify_fd;
	uint64_t uses;
	struct file_id known[KNOWN]; /* by hash; a later file replaces an earlier one */
	struct go_program programs[GO_PROBES_MAX];
};

int go_probe_new(struct go_probe **probe, const struct bpf_program *program,
		 const struct bpf_program *at_start, bool verbose)
{
	struct go_probe *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->program = program;
	made->at_start = at_start;
	made->verbose = verbose;
	made->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (made->notify_fd < 0) {
		err = -errno;
		free(made);
		return err;
	}
	*probe = made;
	return 0;
}

static void *destroy(void *link)
{
	bpf_link__destroy(link);
	return NULL;
}

/* Detaching takes some 100 ms, and the main loop must not wait that long, so that a thread does it.
 * Returns whether there is a thread to be joined. */
static bool detach(struct go_probe *probe, struct go_program *program, pthread_t *thread)
{
	struct bpf_link *link = program->link;

	inotify_rm_watch(probe->notify_fd, program->watch);
	program->link = NULL;
	if (!pthread_create(thread, NULL, destroy, link))
		return true;
	destroy(link);
	return false;
}

static void detach_one(struct go_probe *probe, struct go_program *program)
{
	pthread_t thread;

	if (detach(probe, program, &thread))
		pthread_detach(thread);
}

void go_probe_free(struct go_probe *probe)
{
	pthread_t threads[GO_PROBES_MAX];
	size_t count = 0;

	if (!probe)
		return;
	for (size_t i = 0; i < GO_PROBES_MAX; i++)
		if (probe->programs[i].link && detach(probe, &probe->programs[i], &threads[count]))
			count++;
	for (size_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	close(probe->notify_fd);
	free(probe);
}

int go_probe_fd(const struct go_probe *probe)
{
	return probe->notify_fd;
}

static bool is_same_file(const struct file_id *a, const struct file_id *b)
{
	return a->device == b->device && a->inode == b->inode;
}

static bool is_same(const struct file_id *a, const struct file_id *b)
{
	return is_same_file(a, b) && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct file_id identify(const struct stat *status)
{
	return (struct file_id){status->st_dev, status->st_ino, status->st_ctim};
}

static struct file_id *place_of(struct go_probe *probe, const struct file_id *id)
{
	uint64_t hash = (id->inode ^ id->device << 40) * 0x9e3779b97f4a7c15ULL;

	return &probe->known[hash >> 52];
}

static struct go_program *find(struct go_probe *probe, const struct file_id *id)
{
	for (size_t i = 0; i < GO_PROBES_MAX; i++)
		if (probe->programs[i].link && is_same_file(&probe->programs[i].id, id))
			return &probe->programs[i];
	return NULL;
}

/* Returns a free place, or that of the program that was not started for longest, after detaching
 * it. */
static struct go_program *make_room(struct go_probe *probe)
{
	struct go_program *oldest = &probe->programs[0];

	for (size_t i = 0; i < GO_PROBES_MAX; i++) {
		struct go_program *program = &probe->programs[i];

		if (!program->link)
			return program;
		if (program->used < oldest->used)
			oldest = program;
	}
	*place_of(probe, &oldest->id) = (struct file_id){0};
	detach_one(probe, oldest);
	return oldest;
}

static struct bpf_link *attach(const struct bpf_program *program, int pid, const char *path,
			       uint64_t offset)
{
	return bpf_program__attach_uprobe(program, false, pid, path, offset);
}

/* Returns whether the probe was attached. */
static bool add(struct go_probe *probe, const struct file_id *id, int fd,
		const struct go_binary *binary)
{
	struct go_program *program = make_room(probe);
	struct bpf_link *link;
	char path[PATH_LEN];
	int watch;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* This comes before attaching, so that no change is missed. */
	watch = inotify_add_watch(probe->notify_fd, path, IN_MODIFY);
	if (watch < 0)
		return false;
	link = attach(probe->program, -1, path, binary->offset);
	if (!link) {
		inotify_rm_watch(probe->notify_fd, watch);
		return false;
	}
	*program = (struct go_program){
		.id = *id,
		.link = link,
		.watch = watch,
		.used = ++probe->uses,
	};
	return true;
}

/* Attaching a probe takes some 10 ms, in which the process may send requests. Until then, it has
 * breakpoints. */
static void add_now(struct go_probe *probe, const struct file_id *id, int fd, uint32_t pid,
		    const struct go_binary *binary)
{
	struct go_breakpoint breakpoint = {0};
	uint64_t begin_ns = clock_now(), set_ns;
	bool is_added;

	if (probe->at_start)
		go_breakpoint_set(&breakpoint, probe->at_start, pid, binary);
	set_ns = clock_now();
	is_added = add(probe, id, fd, binary);
	if (probe->verbose)
		fprintf(stderr,
			"tcpwatch: the Go program of process %u: %zu breakpoints in %ju us, probe "
			"%s in %ju us\n",
			pid, breakpoint.count, (uintmax_t)((set_ns - begin_ns) / NS_PER_US),
			is_added ? "attached" : "refused",
			(uintmax_t)((clock_now() - set_ns) / NS_PER_US));
	go_breakpoint_clear(&breakpoint);
}

static bool is_known(struct go_probe *probe, const struct file_id *id)
{
	struct go_program *program = find(probe, id);

	if (program && is_same(&program->id, id)) {
		program->used = ++probe->uses;
		return true;
	}
	if (program)
		detach_one(probe, program);
	return is_same(place_of(probe, id), id);
}

void go_probe_executed(struct go_probe *probe, uint32_t pid)
{
	const struct open_how how = {0};
	struct go_binary binary;
	struct stat status;
	struct file_id id;
	char path[PATH_LEN];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	if (asker_stat(path, &status))
		return;
	id = identify(&status);
	if (is_known(probe, &id))
		return;
	/* Reading the file, and attaching to it, waits for what a remote file system answers. */
	fd = asker_open(AT_FDCWD, path, &how, true, true, &status);
	if (fd < 0)
		return;
	id = identify(&status); /* the process may have executed another file meanwhile */
	*place_of(probe, &id) = id;
	if (!find(probe, &id) && !go_binary_read(fd, &binary))
		add_now(probe, &id, fd, pid, &binary);
	close(fd);
}

void go_probe_changed(struct go_probe *probe)
{
	_Alignas(struct inotify_event) char events[4096];
	ssize_t length;

	while ((length = read(probe->notify_fd, events, sizeof(events))) > 0) {
		const struct inotify_event *event;

		for (char *at = events; at < events + length; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)at;
			for (size_t i = 0; i < GO_PROBES_MAX; i++)
				if (probe->programs[i].link &&
				    probe->programs[i].watch == event->wd &&
				    event->mask & IN_MODIFY)
					detach_one(probe, &probe->programs[i]);
		}
	}
}

static bool has_name(const struct options *options, uint32_t pid)
{
	char path[PATH_LEN], comm[17] = "";
	ssize_t length;
	int fd;

	if (!options->comm_count)
		return true;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, comm, sizeof(comm) - 1);
	close(fd);
	if (length <= 0)
		return false;
	comm[length - 1] = '\0'; /* replaces its newline */
	for (size_t i = 0; i < options->comm_count; i++)
		if (!strcmp(options->comms[i], comm))
			return true;
	return false;
}

static void look_at_all(struct go_probe *probe, const struct options *options)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		char *end;
		unsigned long pid = strtoul(entry->d_name, &end, 10);

		if (pid && pid <= INT32_MAX && !*end && has_name(options, (uint32_t)pid))
			go_probe_executed(probe, (uint32_t)pid);
	}
	closedir(directory);
}

void go_probe_running(struct go_probe *probe, const struct options *options)
{
	for (size_t i = 0; i < options->pid_count; i++)
		go_probe_executed(probe, options->pids[i]);
	if (!options->pid_count)
		look_at_all(probe, options);
}

int go_probe_try(const struct bpf_program *program, struct bpf_link **link)
{
	uint64_t place = go_landmark_offset();
	struct bpf_link *made;

	if (!place)
		return -ENOENT;
	made = attach(program, 0, "/proc/self/exe", place);
	if (!made)
		return -errno;
	*link = made;
	return 0;
}
