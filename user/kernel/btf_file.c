// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/btf_file.h"

#include <stdio.h>

#include "base/safe_open.h"

static char opened[32];

const char *btf_file_path(const struct options *options)
{
	int fd;

	if (!options->btf)
		return NULL;
	if (!*opened) {
		fd = safe_open(options->btf, SAFE_OPEN_FILE);
		if (fd < 0)
			return "/dev/null";
		snprintf(opened, sizeof(opened), "/proc/self/fd/%d", fd);
	}
	return opened;
}
