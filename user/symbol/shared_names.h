/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SHARED_NAMES_H
#define TCPWATCH_SHARED_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "symbol/call_frame.h"
#include "symbol/string_pool.h"
#include "symbol/wire.h"

/*
 * The names of stacks by program: processes of one program that made a call at the same place share
 * them, wherever their addresses are. The key is what the names were made of, and nothing less: the
 * kind of call, and for each frame its offset in a file of that path, device, inode, size and times
 * of change. So a file that is written again has a key of its own.
 */
#define SYMBOL_KEY_MAX (SYMBOL_PATHS_LEN + 4096)

/* What a stack's names depend on. */
struct symbol_key {
	size_t len; /* 0: on this process alone, as its code is not all in files that were opened */
	char bytes[SYMBOL_KEY_MAX];
};

/* Makes the key of a request. `whats` are of the files that have a descriptor. */
void symbol_key_make(struct symbol_key *key, const struct symbol_request *request, uint16_t how,
		     const struct stat whats[SYMBOL_REQUEST_FILES]);

/* Zeroed frames. Returns NULL without memory, for 0 frames, and where STRING_POOL_FRAMES_MAX is
 * reached. */
struct call_frame *call_frames_new(size_t count, struct string_pool *pool);
/* Drops the frames' strings, too. NULL is allowed. */
void call_frames_free(struct call_frame *frames, size_t count, struct string_pool *pool);

/* Names that stacks share. */
struct shared_names {
	const struct call_frame *frames; /* their `ip` is of the process that was first */
	const uint8_t *places;		 /* of each frame: the index of its address in the stack */
	size_t count;
	bool is_short;
};

/*
 * Zeroed, it is empty. Of a key only two hashes are kept, with keys that nobody knows, since it is
 * long; without random keys nothing is shared.
 */
struct shared_names_table {
	struct shared_names_entry *entries;
	uint64_t secret[2][2];
	bool has_secret;
};

/* Counts one use more of the names with this key, and returns them; NULL if there are none. */
const struct shared_names *shared_names_find(struct shared_names_table *table,
					     const struct symbol_key *key);
/*
 * Adds names with one use. It takes over the frames and copies the places. Returns NULL without
 * memory, or if the key exists; the frames are still the caller's then.
 */
const struct shared_names *shared_names_add(struct shared_names_table *table,
					    const struct symbol_key *key, struct call_frame *frames,
					    const uint8_t *places, size_t count, bool is_short);
/* Takes back one use. With the last one, the frames are freed and what they have of the pool. */
void shared_names_release(struct shared_names_table *table, const struct shared_names *names,
			  struct string_pool *pool);
/* How many different ones there are. */
size_t shared_names_count(const struct shared_names_table *table);

#endif
