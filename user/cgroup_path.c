// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cgroup_path.h"

#include <ctype.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CGROUP_ROOT	 "/sys/fs/cgroup"
#define CONTAINER_DIGITS 64

/* The id of a cgroup is the inode of its folder, which no system call finds; so all are walked. */
static bool find_path(char path[CGROUP_PATH_LEN], uint64_t id)
{
	char *roots[] = {(char *)CGROUP_ROOT, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	bool found = false;
	const FTSENT *entry;

	if (!tree)
		return false;
	while (!found && (entry = fts_read(tree))) {
		const char *below = entry->fts_path + strlen(CGROUP_ROOT);

		/* Records have the lower half of an id; the upper one counts its reuse. */
		if (entry->fts_info != FTS_D || (uint32_t)entry->fts_statp->st_ino != (uint32_t)id)
			continue;
		snprintf(path, CGROUP_PATH_LEN, "%s", *below ? below : "/");
		found = true;
	}
	fts_close(tree);
	return found;
}

void cgroup_container(const char *path, char container[65])
{
	size_t digits = 0;

	*container = '\0';
	for (const char *at = path; *at; at++) {
		bool starts = at == path || strchr("/-:", at[-1]);

		if (!starts)
			continue;
		for (digits = 0; isxdigit((unsigned char)at[digits]);)
			digits++;
		if (digits != CONTAINER_DIGITS)
			continue;
		memcpy(container, at, CONTAINER_DIGITS);
		container[CONTAINER_DIGITS] = '\0'; /* the innermost one counts */
	}
}

void cgroup_names_find(struct cgroup_names *names, uint64_t id)
{
	*names = (struct cgroup_names){0};
	if (id && find_path(names->path, id))
		cgroup_container(names->path, names->container);
}
