// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "host/asker.h"

struct root {
	uint32_t id; /* 0 = free */
	int fd;
	ino_t mounts; /* inode of the mount namespace */
	dev_t dev;
	ino_t inode;
};

struct entry {
	struct symbol_file file;
	UT_hash_handle hh;
	size_t key_len;
	char key[]; /* root, inode, path */
};

struct symbol_files {
	struct entry *entries;
	struct root roots[SYMBOL_ROOTS_MAX];
	uint32_t next_root;
	ino_t own_mounts;
	struct stat own_root;
};

#define KEY_HEAD (sizeof(uint32_t) + sizeof(uint64_t))

struct symbol_files *symbol_files_new(void)
{
	struct symbol_files *files = calloc(1, sizeof(*files));
	struct stat mounts;

	if (!files)
		return NULL;
	files->next_root = 1;
	if (!stat("/proc/self/ns/mnt", &mounts))
		files->own_mounts = mounts.st_ino;
	if (stat("/", &files->own_root))
		files->own_root = (struct stat){0};
	return files;
}

void symbol_files_free(struct symbol_files *files)
{
	struct entry *entry, *next;

	if (!files)
		return;
	HASH_ITER (hh, files->entries, entry, next) {
		HASH_DEL(files->entries, entry);
		free(entry);
	}
	for (size_t i = 0; i < SYMBOL_ROOTS_MAX; i++)
		if (files->roots[i].id)
			close(files->roots[i].fd);
	free(files);
}

static uint32_t note_root(struct symbol_files *files, uint32_t pid, ino_t *of)
{
	struct root *oldest = &files->roots[0];
	const struct open_how folder = {.flags = O_DIRECTORY};
	struct stat mounts, top;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", pid);
	if (asker_stat(path, &mounts))
		return 0;
	*of = mounts.st_ino;
	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	if (asker_stat(path, &top) ||
	    (mounts.st_ino == files->own_mounts && top.st_ino == files->own_root.st_ino &&
	     top.st_dev == files->own_root.st_dev))
		return 0;
	for (size_t i = 0; i < SYMBOL_ROOTS_MAX; i++) {
		struct root *root = &files->roots[i];

		if (root->id && root->mounts == mounts.st_ino && root->dev == top.st_dev &&
		    root->inode == top.st_ino)
			return root->id;
		if (root->id < oldest->id)
			oldest = root;
	}
	fd = asker_open(AT_FDCWD, path, &folder, false, false, &top);
	if (fd < 0)
		return 0;
	if (oldest->id)
		close(oldest->fd);
	*oldest = (struct root){files->next_root++, fd, mounts.st_ino, top.st_dev, top.st_ino};
	return oldest->id;
}

uint32_t symbol_files_root(struct symbol_files *files, uint32_t pid, uint32_t *maps)
{
	ino_t mounts = files->own_mounts;
	uint32_t root = note_root(files, pid, &mounts);

	*maps = mounts == files->own_mounts ? 0 : root;
	return root;
}

/* Whether there is room for one more; removes the oldest file that has no use. */
static bool make_room(struct symbol_files *files)
{
	struct entry *entry, *next;

	if (HASH_COUNT(files->entries) < SYMBOL_FILES_MAX)
		return true;
	HASH_ITER (hh, files->entries, entry, next) {
		if (entry->file.uses)
			continue;
		HASH_DEL(files->entries, entry);
		free(entry);
		return true;
	}
	return false;
}

void symbol_files_release(struct symbol_file *file)
{
	if (file)
		file->uses--;
}

struct symbol_file *symbol_files_get(struct symbol_files *files, uint32_t root, uint64_t inode,
				     const char *path)
{
	size_t path_len = strlen(path) + 1, key_len = KEY_HEAD + path_len;
	struct entry *entry, *found;

	entry = calloc(1, sizeof(*entry) + key_len);
	if (!entry)
		return NULL;
	memcpy(entry->key, &root, sizeof(root));
	memcpy(entry->key + sizeof(root), &inode, sizeof(inode));
	memcpy(entry->key + KEY_HEAD, path, path_len);
	HASH_FIND(hh, files->entries, entry->key, key_len, found);
	if (found || !make_room(files)) {
		free(entry);
		if (found)
			found->file.uses++;
		return found ? &found->file : NULL;
	}
	entry->file = (struct symbol_file){entry->key + KEY_HEAD, inode, root, 1, false};
	HASH_ADD_KEYPTR(hh, files->entries, entry->key, key_len, entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	return &entry->file;
}

static int root_fd(const struct symbol_files *files, uint32_t id)
{
	for (size_t i = 0; i < SYMBOL_ROOTS_MAX; i++)
		if (files->roots[i].id == id)
			return files->roots[i].fd;
	return -ESTALE;
}

/* Opens a regular file for reading; first as a name only (O_PATH), which has no effect on it. Sets
 * *what. */
static int open_path(const struct symbol_files *files, uint32_t root, const char *path,
		     uint64_t resolve, struct stat *what)
{
	struct open_how how = {
		.flags = resolve & RESOLVE_NO_SYMLINKS ? O_NOFOLLOW : 0,
		.resolve = RESOLVE_NO_MAGICLINKS | resolve,
	};
	int at = AT_FDCWD;

	if (root) {
		at = root_fd(files, root);
		if (at < 0)
			return at;
		how.resolve |= RESOLVE_IN_ROOT;
	}
	return asker_open(at, path, &how, true, false, what);
}

static int open_mapped(const struct symbol_file *file, uint32_t pid, uint64_t start, uint64_t end,
		       struct stat *what)
{
	const struct open_how how = {0};
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", pid, (unsigned long long)start,
		 (unsigned long long)end);
	fd = asker_open(AT_FDCWD, path, &how, true, false, what);
	if (fd < 0 || what->st_ino == file->inode)
		return fd;
	close(fd);
	return -ESTALE;
}

int symbol_files_open(const struct symbol_files *files, const struct symbol_file *file,
		      uint32_t pid, uint64_t start, uint64_t end, struct stat *what)
{
	int fd = open_path(files, file->root, file->path, 0, what);

	if (fd >= 0) {
		if (what->st_ino == file->inode)
			return fd;
		close(fd);
		fd = -ESTALE;
	}
	return pid && fd != -ETIMEDOUT ? open_mapped(file, pid, start, end, what) : fd;
}

int symbol_files_open_perf(const struct symbol_files *files, uint32_t root, uint32_t pid,
			   uid_t user)
{
	struct stat what;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%u.map", pid);
	fd = open_path(files, root, path, RESOLVE_NO_SYMLINKS, &what);
	if (fd < 0 || what.st_uid == user || what.st_uid == 0)
		return fd;
	close(fd);
	return -EPERM;
}
