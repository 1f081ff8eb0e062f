/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ADDRESS_SPACE_H
#define TCPWATCH_ADDRESS_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "event.h"
#include "symbol/file.h"
#include "symbol/maps.h"

/* Address spaces that are known; the one that was not used for longest goes. */
#define ADDRESS_SPACES_MAX 1024
/* Bytes of /proc/PID/maps; what is beyond is not seen. */
#define ADDRESS_SPACE_TEXT_MAX (4U << 20)

struct address_spaces;

/* What a process has mapped, from one execve() to the next. Valid until the next call. */
struct address_space {
	const struct symbol_maps *maps;
	uint32_t root, maps_root; /* symbol_files_root() */
	uint32_t ns_pid;	  /* in its own pid namespace */
	uid_t user;
};

/* NULL without memory. `files` must outlive it. */
struct address_spaces *address_spaces_new(struct symbol_files *files);
void address_spaces_free(struct address_spaces *spaces);

/* What is known of it, without asking anyone. NULL = nothing. */
const struct address_space *address_spaces_find(struct address_spaces *spaces,
						const struct event_task *task, uint32_t exec_id);
/* Reads it. Returns 0; -ESRCH if that process is there no more; or another negative errno. What
 * was known stays then. */
int address_spaces_read(struct address_spaces *spaces, const struct event_task *task,
			uint32_t exec_id);
/* The child has what its parent has. */
void address_spaces_fork(struct address_spaces *spaces, const struct event_fork *e);
/* Is it still there? */
bool address_space_is_alive(const struct event_task *task);

#endif
