// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Any bytes as a program: a result must lie within the file, and be the same a second time. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "go/binary.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct go_binary found = {1, 2, 3}, again = {0};
	int fd = memfd_create("program", MFD_CLOEXEC);
	int err;

	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	err = go_binary_read(fd, &found);
	CHECK(err <= 0);
	CHECK(!err || (found.offset == 1 && found.address == 2 && found.entry == 3));
	CHECK(go_binary_read(fd, &again) == err);
	CHECK(err || !memcmp(&found, &again, sizeof(found)));
	CHECK(lseek(fd, 0, SEEK_CUR) == (off_t)size);
	close(fd);
	return 0;
}
