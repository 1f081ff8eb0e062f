// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/safe_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"

#define LINKS_MAX     40 /* as in the kernel */
#define AGAIN_NS      (20 * NS_PER_MS)
#define MAJOR_MEMORY  1 /* Documentation/admin-guide/devices.txt */
#define MINOR_NULL    3
#define MINOR_FULL    7
#define MAJOR_CONSOLE 4
#define MAJOR_TTY     5
#define MAJOR_PTS     136 /* and the seven after it */

/* Where a path leads. */
struct place {
	int dir; /* the folder, by O_PATH */
	char name[NAME_MAX + 1];
	bool exists;
	bool open_already; /* a link in /proc to what a process has open, to be followed */
	struct stat stat;  /* if it exists */
	struct stat folder;
};

/* What is left of the path; links are put in front of it. */
struct walk {
	char left[PATH_MAX];
	const char *next;
	int links;
};

static bool is_on_proc(int dir)
{
	struct statfs found;

	return !fstatfs(dir, &found) && found.f_type == PROC_SUPER_MAGIC;
}

/* Whether the owner of something in the folder is somebody else, whom the folder lets in. */
static bool is_foreign(const struct stat *stat, const struct stat *folder)
{
	return folder->st_mode & S_IWOTH && stat->st_uid != geteuid() &&
	       stat->st_uid != folder->st_uid;
}

/* Takes the next name. Returns whether it is the last one. */
static int name_take(struct walk *walk, char name[NAME_MAX + 1], bool *last)
{
	const char *start = walk->next + strspn(walk->next, "/");
	size_t length = strcspn(start, "/");

	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	walk->next = start + length + strspn(start + length, "/");
	*last = !*walk->next;
	memcpy(name, start, length);
	name[length] = '\0';
	if (!length)
		memcpy(name, ".", 2);
	return 0;
}

static int folder_change(struct place *place, int dir)
{
	if (dir < 0)
		return -errno;
	if (place->dir >= 0)
		close(place->dir);
	place->dir = dir;
	return fstat(dir, &place->folder) ? -errno : 0;
}

/* Puts the target of the link before what is left of the path. */
static int link_follow(struct walk *walk, struct place *place, int link)
{
	char target[PATH_MAX], left[PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);
	int size;

	if (length < 0)
		return -errno;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	target[length] = '\0';
	size = snprintf(left, sizeof(left), "%s%s%s", target, *walk->next ? "/" : "", walk->next);
	if (size >= (int)sizeof(left))
		return -ENAMETOOLONG;
	memcpy(walk->left, left, (size_t)size + 1);
	walk->next = walk->left;
	if (*left != '/')
		return 0;
	return folder_change(place, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Takes one step. Returns 1 at the end of the path. */
static int step(struct walk *walk, struct place *place)
{
	bool last;
	int err = name_take(walk, place->name, &last);
	int fd = err ? -1 : openat(place->dir, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (err)
		return err;
	if (fd < 0)
		return errno == ENOENT && last ? 1 : -errno;
	if (fstat(fd, &place->stat)) {
		err = -errno;
	} else if (!S_ISLNK(place->stat.st_mode)) {
		place->exists = last;
		err = last ? 1 : folder_change(place, fd);
		if (!last)
			return err;
	} else if (is_on_proc(place->dir) && last) {
		place->open_already = true;
		place->exists = true;
		err = fstatat(place->dir, place->name, &place->stat, 0) ? -errno : 1;
	} else if (is_on_proc(place->dir)) {
		err = folder_change(place, openat(place->dir, place->name, O_PATH | O_CLOEXEC));
	} else if (is_foreign(&place->stat, &place->folder)) {
		err = -EPERM;
	} else {
		err = link_follow(walk, place, fd);
	}
	close(fd);
	return err;
}

static int place_find(struct place *place, const char *path)
{
	struct walk walk = {.next = walk.left};
	size_t length = strlen(path);
	int err;

	*place = (struct place){.dir = -1};
	if (!length)
		return -ENOENT;
	if (length >= sizeof(walk.left))
		return -ENAMETOOLONG;
	memcpy(walk.left, path, length + 1);
	err = folder_change(place,
			    open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
	while (!err)
		err = step(&walk, place);
	if (err == 1)
		return 0;
	if (place->dir >= 0)
		close(place->dir);
	return err;
}

static bool is_harmless_device(const struct stat *stat, enum safe_open_kind kind)
{
	unsigned int major = major(stat->st_rdev), minor = minor(stat->st_rdev);

	if (major == MAJOR_MEMORY)
		return minor == MINOR_NULL || (minor == MINOR_FULL && kind == SAFE_OPEN_WRITE);
	return kind == SAFE_OPEN_WRITE && (major == MAJOR_CONSOLE || major == MAJOR_TTY ||
					   (major >= MAJOR_PTS && major < MAJOR_PTS + 8));
}

/* Whether what is there may be opened: looked at before, since opening alone can have effects. */
static int place_check(const struct place *place, enum safe_open_kind kind)
{
	const struct stat *stat = &place->stat;

	if (!place->exists)
		return kind == SAFE_OPEN_WRITE ? 0 : -ENOENT;
	if (S_ISDIR(stat->st_mode))
		return -EISDIR;
	if (!S_ISREG(stat->st_mode) &&
	    (kind == SAFE_OPEN_FILE || S_ISSOCK(stat->st_mode) || S_ISBLK(stat->st_mode)))
		return -EINVAL;
	if (place->open_already)
		return 0;
	if (S_ISCHR(stat->st_mode))
		return is_harmless_device(stat, kind) ? 0 : -EINVAL;
	if (kind == SAFE_OPEN_WRITE && place->folder.st_mode & S_IWOTH &&
	    (is_foreign(stat, &place->folder) || (S_ISREG(stat->st_mode) && stat->st_nlink != 1)))
		return -EPERM;
	return 0;
}

static void nap(uint64_t ns)
{
	const struct timespec time = {.tv_nsec = (long)ns};

	nanosleep(&time, NULL);
}

/* Opens it. A FIFO that nobody reads cannot be opened for writing: whoever will is waited for. */
static int place_open(const struct place *place, enum safe_open_kind kind)
{
	uint64_t until_ns = clock_now() + SAFE_OPEN_WAIT_NS;
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (place->open_already ? 0 : O_NOFOLLOW) |
		    (kind == SAFE_OPEN_WRITE ? O_WRONLY : O_RDONLY) |
		    (place->exists ? 0 : O_CREAT | O_EXCL);
	int fd;

	for (;;) {
		fd = openat(place->dir, place->name, flags, 0666);
		if (fd >= 0)
			return fd;
		if (errno != EINTR &&
		    (errno != ENXIO || !S_ISFIFO(place->stat.st_mode) || clock_now() >= until_ns))
			return -errno;
		nap(AGAIN_NS);
	}
}

/* Waits until there is something to read, or the end. */
static int readable_wait(int fd, uint64_t until_ns)
{
	for (;;) {
		struct pollfd wanted = {.fd = fd, .events = POLLIN};
		uint64_t now_ns = clock_now();
		int count;

		if (now_ns >= until_ns)
			return -ETIMEDOUT;
		count = poll(&wanted, 1, (int)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS));
		if (count > 0)
			return 0;
		if (count < 0 && errno != EINTR)
			return -errno;
	}
}

static int opened_check(int fd, struct place *place, enum safe_open_kind kind)
{
	int flags = fcntl(fd, F_GETFL);
	int err;

	if (flags < 0 || fstat(fd, &place->stat))
		return -errno;
	/* It may have been replaced meanwhile. */
	place->exists = true;
	err = place_check(place, kind);
	if (err)
		return err;
	/* A FIFO without a writer looks like one that is at its end. */
	if (kind == SAFE_OPEN_STREAM && S_ISFIFO(place->stat.st_mode) && !place->open_already)
		return readable_wait(fd, clock_now() + SAFE_OPEN_WAIT_NS);
	if (kind != SAFE_OPEN_WRITE)
		return 0;
	if (S_ISREG(place->stat.st_mode) && ftruncate(fd, 0))
		return -errno;
	return fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) ? -errno : 0;
}

int safe_open(const char *path, enum safe_open_kind kind)
{
	struct place place;
	int err = place_find(&place, path);
	int fd = -1;

	if (err)
		return err;
	err = place_check(&place, kind);
	if (!err) {
		fd = place_open(&place, kind);
		err = fd < 0 ? fd : opened_check(fd, &place, kind);
	}
	close(place.dir);
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}

ssize_t safe_open_read(int fd, char *text, size_t max)
{
	uint64_t until_ns = clock_now() + SAFE_OPEN_WAIT_NS;
	size_t length = 0;

	while (length < max) {
		ssize_t count = read(fd, text + length, max - length);
		int err = 0;

		if (!count)
			break;
		if (count > 0)
			length += (size_t)count;
		else if (errno == EAGAIN)
			err = readable_wait(fd, until_ns);
		else if (errno != EINTR)
			err = -errno;
		if (err)
			return err;
	}
	return (ssize_t)length;
}

const char *safe_open_problem(int err)
{
	switch (err) {
	case -EINVAL:
		return "is not a regular file";
	case -EPERM:
		return "is in a folder that everybody may write to, and may be somebody else's";
	case -ETIMEDOUT:
		return "its writer does not come to an end";
	case -ENXIO:
		return "nobody reads from it";
	default:
		return strerror(-err);
	}
}
