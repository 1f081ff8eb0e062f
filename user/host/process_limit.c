// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "host/process_limit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/asker.h"

#define NAME "Max open files"

/* Bytes; the file has some 1400. */
#define LIMITS_MOST 16384

int process_limit_parse(FILE *limits, uint64_t *descriptors)
{
	char line[128];

	while (fgets(line, sizeof(line), limits)) {
		const char *value = line + sizeof(NAME) - 1;
		unsigned long long number;

		if (strncmp(line, NAME, sizeof(NAME) - 1))
			continue;
		value += strspn(value, " ");
		if (!strncmp(value, "unlimited", strlen("unlimited"))) {
			*descriptors = UINT64_MAX;
			return 0;
		}
		if (!isdigit((unsigned char)*value))
			return -EPROTO;
		errno = 0;
		number = strtoull(value, NULL, 10);
		if (errno)
			return -EPROTO;
		*descriptors = number;
		return 0;
	}
	return -EPROTO;
}

int process_limit_descriptors(uint32_t pid, uint64_t *descriptors)
{
	char path[64];
	FILE *limits;
	int fd, err;

	/* prlimit(2) would need CAP_SYS_RESOURCE. */
	snprintf(path, sizeof(path), "/proc/%u/limits", pid);
	fd = asker_read(path, LIMITS_MOST);
	if (fd < 0)
		return fd;
	limits = fdopen(fd, "r");
	if (!limits) {
		close(fd);
		return -ENOMEM;
	}
	err = process_limit_parse(limits, descriptors);
	fclose(limits);
	return err;
}
