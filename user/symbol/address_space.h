/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ADDRESS_SPACE_H
#define TCPWATCH_ADDRESS_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "event.h"
#include "symbol/file.h"
#include "symbol/maps.h"

/* How many address spaces are kept. The one that was not used for longest is dropped. */
#define ADDRESS_SPACES_MAX 1024
/* How many bytes the mappings of one of them take. Of a process with more, only those that the
 * frames of the stack are in are kept; where these are still more, none. All together take 64 MB at
 * most. */
#define ADDRESS_SPACE_BYTES_MAX (64U << 10)
/* How many bytes of /proc/PID/maps are read. */
#define ADDRESS_SPACE_TEXT_MAX (4U << 20)

struct address_spaces;

/* What a process has mapped, from one execve() to the next. */
struct address_space {
	const struct symbol_maps *maps;
	uint32_t root, maps_root; /* symbol_files_root() */
	uint32_t ns_pid;	  /* its pid in its own pid namespace; 0: not known */
	uid_t user;		  /* owner of /proc/PID */
};

/* Returns NULL without memory. `files` must outlive it. */
struct address_spaces *address_spaces_new(struct symbol_files *files);
/* NULL is allowed. */
void address_spaces_free(struct address_spaces *spaces);

/* Returns what is kept of the process's program, NULL if there is nothing. It reads no file. The
 * result is valid until the next call of a function that takes `spaces`. */
const struct address_space *address_spaces_find(struct address_spaces *spaces,
						const struct event_task *task, uint32_t exec_id);
/* Reads the mappings of the process from /proc, and keeps them; where there are very many, those of
 * these return addresses. Returns 0; -ESRCH if the process has ended; -E2BIG if they take too much
 * memory; or another negative errno. What was kept before stays then. */
int address_spaces_read(struct address_spaces *spaces, const struct event_task *task,
			uint32_t exec_id, const uint64_t *frames, size_t frame_count);
/* Gives the child the mappings that are kept of its parent. */
void address_spaces_fork(struct address_spaces *spaces, const struct event_fork *e);
/* Whether the process has not ended: its pid is in use, with the same start time. */
bool address_space_is_alive(const struct event_task *task);

#endif
