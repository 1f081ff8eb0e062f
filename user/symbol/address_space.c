// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/address_space.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/units.h"
#include "host/asker.h"

/* Mappings that parents and children share. */
struct shared {
	struct symbol_maps maps;
	uint32_t uses;
};

struct key {
	uint64_t start_ns;
	uint32_t tgid;
	uint32_t reserved;
};

/* A process with its latest execve(). The hash table has the entries in the order of their use. */
struct entry {
	struct key key;
	uint32_t exec_id;
	struct shared *shared;
	struct address_space space;
	UT_hash_handle hh;
};

struct address_spaces {
	struct symbol_files *files;
	struct entry *entries;
	char *text; /* of /proc/PID/maps, while it is read */
};

static void release(struct shared *shared)
{
	if (!shared || --shared->uses)
		return;
	symbol_maps_clear(&shared->maps);
	free(shared);
}

static void drop(struct address_spaces *spaces, struct entry *entry)
{
	HASH_DEL(spaces->entries, entry);
	release(entry->shared);
	free(entry);
}

struct address_spaces *address_spaces_new(struct symbol_files *files)
{
	struct address_spaces *spaces = calloc(1, sizeof(*spaces));

	if (spaces)
		spaces->files = files;
	return spaces;
}

void address_spaces_free(struct address_spaces *spaces)
{
	if (!spaces)
		return;
	while (spaces->entries)
		drop(spaces, spaces->entries);
	free(spaces->text);
	free(spaces);
}

static struct entry *find(const struct address_spaces *spaces, const struct event_task *task)
{
	const struct key key = {.start_ns = task->start_ns, .tgid = task->tgid};
	struct entry *entry;

	HASH_FIND(hh, spaces->entries, &key, sizeof(key), entry);
	return entry;
}

static bool link_in(struct address_spaces *spaces, struct entry *entry)
{
	HASH_ADD(hh, spaces->entries, key, sizeof(entry->key), entry);
	return entry->hh.tbl != NULL;
}

const struct address_space *address_spaces_find(struct address_spaces *spaces,
						const struct event_task *task, uint32_t exec_id)
{
	struct entry *entry = find(spaces, task);

	if (!entry || entry->exec_id != exec_id)
		return NULL;
	HASH_DEL(spaces->entries, entry);
	if (link_in(spaces, entry))
		return &entry->space;
	release(entry->shared);
	free(entry);
	return NULL;
}

/* Takes over one use of `shared`, also on failure. */
static int set(struct address_spaces *spaces, const struct event_task *task, uint32_t exec_id,
	       struct shared *shared, const struct address_space *space)
{
	struct entry *entry = find(spaces, task);

	if (entry)
		drop(spaces, entry);
	while (HASH_COUNT(spaces->entries) >= ADDRESS_SPACES_MAX)
		drop(spaces, spaces->entries);
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		release(shared);
		return -ENOMEM;
	}
	entry->key.start_ns = task->start_ns;
	entry->key.tgid = task->tgid;
	entry->exec_id = exec_id;
	entry->shared = shared;
	entry->space = *space;
	entry->space.maps = &shared->maps;
	if (link_in(spaces, entry))
		return 0;
	release(shared);
	free(entry);
	return -ENOMEM;
}

void address_spaces_fork(struct address_spaces *spaces, const struct event_fork *e)
{
	const struct entry *parent = find(spaces, &e->parent);
	struct address_space space;
	struct shared *shared;
	uint32_t exec_id;

	if (!parent || !e->child.tgid)
		return;
	space = parent->space;
	space.ns_pid = 0; /* not known: the child has a pid of its own */
	shared = parent->shared;
	exec_id = parent->exec_id;
	shared->uses++;
	set(spaces, &e->child, exec_id, shared, &space);
}

/* Reads a small file of /proc, as far as it fits. Returns its length or a negative errno. */
static ssize_t read_small(uint32_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = asker_read(path, size);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	len = read(fd, text, size - 1);
	if (len < 0)
		len = -errno;
	close(fd);
	if (len >= 0)
		text[len] = '\0';
	return len;
}

/* Times in /proc are rounded down to clock ticks. */
bool address_space_is_alive(const struct event_task *task)
{
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	char text[1024], *at;
	unsigned long long ticks;

	if (read_small(task->tgid, "stat", text, sizeof(text)) < 0)
		return false;
	at = strrchr(text, ')'); /* the process's name may have any bytes in it */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %llu", &ticks) != 1)
		return false;
	return ticks == clock_boottime_here(task->start_ns) / tick_ns;
}

static uint32_t read_ns_pid(uint32_t pid)
{
	char text[4096], *at, *end;
	unsigned long last = pid;

	if (read_small(pid, "status", text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, "\nNSpid:");
	if (!at)
		return pid;
	at += strlen("\nNSpid:");
	while (*at == '\t') { /* one pid for each namespace, the innermost last */
		last = strtoul(at + 1, &end, 10);
		at = end;
	}
	return (uint32_t)last;
}

static ssize_t read_maps(struct address_spaces *spaces, uint32_t pid)
{
	size_t len = 0, room = 0;
	ssize_t count = 1;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = asker_read(path, ADDRESS_SPACE_TEXT_MAX);
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	while (count > 0 && len < ADDRESS_SPACE_TEXT_MAX) {
		if (len == room) {
			size_t more = room ? room * 2 : 64 << 10;
			char *text = realloc(spaces->text, more);

			if (!text) {
				count = -ENOMEM;
				break;
			}
			spaces->text = text;
			room = more;
		}
		count = read(fd, spaces->text + len, room - len);
		if (count < 0)
			count = -errno;
		else
			len += (size_t)count;
	}
	close(fd);
	return count < 0 ? count : (ssize_t)len;
}

/* Keeps what the budget allows. Returns 0 or -E2BIG. */
static int fit(struct symbol_maps *maps, const uint64_t *frames, size_t frame_count)
{
	if (symbol_maps_bytes(maps) > ADDRESS_SPACE_BYTES_MAX)
		symbol_maps_keep(maps, frames, frame_count);
	return symbol_maps_bytes(maps) > ADDRESS_SPACE_BYTES_MAX ? -E2BIG : 0;
}

int address_spaces_read(struct address_spaces *spaces, const struct event_task *task,
			uint32_t exec_id, const uint64_t *frames, size_t frame_count)
{
	struct address_space space = {0};
	struct shared *shared;
	struct stat folder;
	ssize_t len;
	char path[64];
	int err;

	len = read_maps(spaces, task->tgid);
	shared = len < 0 ? NULL : calloc(1, sizeof(*shared));
	err = len < 0  ? (int)len
	      : shared ? symbol_maps_parse(&shared->maps, spaces->text, (size_t)len)
		       : -ENOMEM;
	free(spaces->text);
	spaces->text = NULL;
	if (err) {
		free(shared);
		return err;
	}
	shared->uses = 1;
	err = fit(&shared->maps, frames, frame_count);
	if (err) {
		release(shared);
		return err;
	}
	space.root = symbol_files_root(spaces->files, task->tgid, &space.maps_root);
	space.ns_pid = read_ns_pid(task->tgid);
	snprintf(path, sizeof(path), "/proc/%u", task->tgid);
	space.user = asker_stat(path, &folder) ? 0 : folder.st_uid;
	/* This is checked last: what was read before then belongs to this process. A process that
	 * is ending has no mappings. */
	if (!shared->maps.count || !address_space_is_alive(task)) {
		release(shared);
		return -ESRCH;
	}
	return set(spaces, task, exec_id, shared, &space);
}
