// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

#define ROUNDS_PER_WORD 2
#define ROUNDS_AT_END	4

static uint64_t rotate(uint64_t word, unsigned int bits)
{
	return word << bits | word >> (64 - bits);
}

static void run_rounds(uint64_t v[4], int count)
{
	while (count--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void take(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	run_rounds(v, ROUNDS_PER_WORD);
	v[0] ^= word;
}

uint64_t siphash(const uint64_t key[2], const void *text, size_t len)
{
	/* "somepseudorandomlygeneratedbytes" */
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
			 key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
	const unsigned char *at = text;
	uint64_t word, last = 0;
	size_t left = len;

	for (; left >= sizeof(word); at += sizeof(word), left -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		take(v, le64toh(word));
	}
	memcpy(&last, at, left);
	take(v, le64toh(last) | (uint64_t)len << 56);
	v[2] ^= 0xff;
	run_rounds(v, ROUNDS_AT_END);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
