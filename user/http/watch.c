// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec written; /* st_ctime: st_mtime can be set by anybody */
};

struct http_watch {
	char *paths[HTTP_WATCH_FILES];
	struct stamp stamps[HTTP_WATCH_FILES];
};

struct http_watch *http_watch_new(void)
{
	return calloc(1, sizeof(struct http_watch));
}

static void paths_free(struct http_watch *watch)
{
	for (int i = 0; i < HTTP_WATCH_FILES; i++) {
		free(watch->paths[i]);
		watch->paths[i] = NULL;
	}
}

void http_watch_free(struct http_watch *watch)
{
	if (watch)
		paths_free(watch);
	free(watch);
}

static struct stamp stamp_of(const char *path)
{
	struct stamp stamp;
	struct stat found;

	memset(&stamp, 0, sizeof(stamp));
	if (path && !stat(path, &found)) {
		stamp.device = found.st_dev;
		stamp.inode = found.st_ino;
		stamp.size = found.st_size;
		stamp.written = found.st_ctim;
	}
	return stamp;
}

void http_watch_set(struct http_watch *watch, const char *const paths[HTTP_WATCH_FILES])
{
	char *copies[HTTP_WATCH_FILES];

	/* A new path may be one of the old strings, so copy before freeing. */
	for (int i = 0; i < HTTP_WATCH_FILES; i++)
		copies[i] = paths[i] ? strdup(paths[i]) : NULL;
	paths_free(watch);
	memcpy(watch->paths, copies, sizeof(copies));
	http_watch_changed(watch);
}

bool http_watch_changed(struct http_watch *watch)
{
	bool changed = false;

	for (int i = 0; i < HTTP_WATCH_FILES; i++) {
		struct stamp stamp = stamp_of(watch->paths[i]);

		if (!memcmp(&stamp, &watch->stamps[i], sizeof(stamp)))
			continue;
		watch->stamps[i] = stamp;
		changed = true;
	}
	return changed;
}
