// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cgroup_path.h"

#include <ctype.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
/* Where version 1 has the root. */
#define CGROUP_ROOT_HYBRID CGROUP_ROOT "/unified"

#define CONTAINER_DIGITS 64

static const char *cgroup_root(void)
{
	return access(CGROUP_ROOT_HYBRID "/cgroup.procs", F_OK) ? CGROUP_ROOT : CGROUP_ROOT_HYBRID;
}

/* The id of a cgroup is the inode of its folder, which no system call finds; so all are walked. */
static bool find_path(char path[CGROUP_PATH_LEN], uint64_t id)
{
	char *roots[] = {(char *)cgroup_root(), NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	bool found = false;
	const FTSENT *entry;

	if (!tree)
		return false;
	while (!found && (entry = fts_read(tree))) {
		const char *below = entry->fts_path + strlen(roots[0]);

		/* Records have the lower half of an id; the upper one counts its reuse. */
		if (entry->fts_info != FTS_D || (uint32_t)entry->fts_statp->st_ino != (uint32_t)id)
			continue;
		snprintf(path, CGROUP_PATH_LEN, "%s", *below ? below : "/");
		found = true;
	}
	fts_close(tree);
	return found;
}

/* Its line in /proc/PID/cgroup is the one of hierarchy 0: "0::/path". */
uint64_t cgroup_of_process(uint32_t tgid)
{
	char name[64], line[CGROUP_PATH_LEN], path[sizeof(CGROUP_ROOT_HYBRID) + CGROUP_PATH_LEN];
	struct stat cgroup;
	bool found = false;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%u/cgroup", tgid);
	file = fopen(name, "re");
	if (!file)
		return 0;
	while (!found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "0::", 3);
	fclose(file);
	if (!found)
		return 0;
	line[strcspn(line, "\n")] = '\0';
	snprintf(path, sizeof(path), "%s%s", cgroup_root(), line + 3);
	return stat(path, &cgroup) ? 0 : cgroup.st_ino;
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
