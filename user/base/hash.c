// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/hash.h"

#include <sys/random.h>

uint64_t hash_seed;

void hash_init(void)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed))
		hash_seed = seed;
}
