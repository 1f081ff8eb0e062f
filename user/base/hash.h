/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HASH_H
#define TCPWATCH_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Where every hash of this run begins: keys are made of what other processes choose. */
extern uint64_t hash_seed;

/* Chooses hash_seed at random, before there is any table. Without it, it is 0. */
void hash_init(void);

static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

/* A hash of the bytes; its low bits are as good as any. uthash's own function takes four times as
 * long. */
static inline uint32_t hash_bytes(const void *key, size_t length)
{
	const unsigned char *bytes = key;
	uint64_t hash = hash_seed ^ length, word;

	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		hash = hash_word(hash, word);
	}
	word = 0;
	memcpy(&word, bytes, length);
	return (uint32_t)hash_word(hash_word(hash, word), 0);
}

/*
 * uthash as all of tcpwatch uses it. Without memory HASH_ADD leaves the element out of the table
 * and its hh.tbl is NULL; uthash would otherwise end the program. The caller checks hh.tbl.
 */
#define HASH_NONFATAL_OOM		 1
#define HASH_FUNCTION(key, length, hash) ((hash) = hash_bytes(key, length))
#include <uthash.h>

#endif
