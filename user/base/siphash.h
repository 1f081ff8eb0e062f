/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SIPHASH_H
#define TCPWATCH_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* SipHash-2-4 (Aumasson and Bernstein, 2012): who does not know the key cannot find two texts that
 * have the same hash. */
uint64_t siphash(const uint64_t key[2], const void *text, size_t len);

#endif
