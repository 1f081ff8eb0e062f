// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as the files of a process in /proc: its maps, status, stat, cgroup and limits, in this
 * order, with the byte 0xff between two of them. Their readers get them through open(), which the
 * linker replaces (fuzz.mk).
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* symbol/maps.h has them as its own names. */
#undef MAP_FILE
#undef MAP_ANONYMOUS

#include "cli/targets.h"
#include "host/cgroup_path.h"
#include "host/process_limit.h"
#include "symbol/address_space.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define FILES 5

static const char *const names[FILES] = {"/maps", "/status", "/stat", "/cgroup", "/limits"};
static const uint8_t *texts[FILES];
static size_t sizes[FILES];

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	const char *name = strrchr(path, '/');
	int fd;

	for (size_t i = 0; i < FILES; i++) {
		if (strncmp(path, "/proc/", strlen("/proc/")) || strcmp(name, names[i]))
			continue;
		fd = memfd_create("proc", MFD_CLOEXEC);
		CHECK(fd >= 0 && pwrite(fd, texts[i], sizes[i], 0) == (ssize_t)sizes[i]);
		return fd;
	}
	return __real_open(path, flags);
}

static void split(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < FILES; i++) {
		const uint8_t *end = size ? memchr(data, 0xff, size) : NULL;

		texts[i] = data;
		sizes[i] = end ? (size_t)(end - data) : size;
		size -= sizes[i] + (end != NULL);
		data += sizes[i] + (end != NULL);
	}
}

static void try_cgroup(void)
{
	char path[CGROUP_PATH_LEN], container[CGROUP_CONTAINER_LEN];

	if (cgroup_path_read(1, path))
		CHECK(!*path);
	CHECK(memchr(path, 0, sizeof(path)));
	cgroup_container(path, container);
	CHECK(!*container || strlen(container) == CGROUP_CONTAINER_LEN - 1);
	for (const char *digit = container; *digit; digit++)
		CHECK(isxdigit((unsigned char)*digit));
}

static void try_limits(void)
{
	FILE *file = fmemopen((void *)texts[4], sizes[4], "r");
	uint64_t descriptors = 7;

	if (!file)
		return;
	if (process_limit_parse(file, &descriptors))
		CHECK(descriptors == 7);
	fclose(file);
}

static void try_spaces(void)
{
	static const uint64_t frames[] = {0x401000, 0x7f0000001000};
	struct event_task task = {.tgid = (uint32_t)getpid()};
	struct symbol_files *files = symbol_files_new();
	struct address_spaces *spaces = address_spaces_new(files);
	const struct address_space *space;

	CHECK(files && spaces);
	if (!address_spaces_read(spaces, &task, 1, frames, 2)) {
		space = address_spaces_find(spaces, &task, 1);
		CHECK(space && space->maps->count && address_space_is_alive(&task));
	}
	address_spaces_free(spaces);
	symbol_files_free(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t process = 0;

	split(data, size);
	try_cgroup();
	try_limits();
	if (!targets_process_of(1, &process))
		CHECK(process);
	try_spaces();
	return 0;
}
