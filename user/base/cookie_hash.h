/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_COOKIE_HASH_H
#define TCPWATCH_COOKIE_HASH_H

#include <stdint.h>

/* A hash of a socket cookie; its low bits are as good as any. Cookies are nearly consecutive.
 * Fibonacci hashing spreads them, best in the high half. */
static inline uint32_t cookie_hash(uint64_t cookie)
{
	return (uint32_t)(cookie * 0x9e3779b97f4a7c15ULL >> 32);
}

#endif
