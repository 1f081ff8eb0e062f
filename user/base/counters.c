// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/counters.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64
#define WORDS	  (COUNTERS_MAX / WORD_BITS)

struct counters {
	uint64_t used[WORDS];	/* a bit for each number that has a counter */
	uint16_t before[WORDS]; /* how many counters belong to lower words */
	uint16_t count, room;
	uint64_t counters[]; /* in the order of their numbers */
};

static uint64_t bit_of(size_t number)
{
	return 1ULL << number % WORD_BITS;
}

/* How many bits are set. The compiler's own is a function, where not every processor has an
 * instruction for it, and takes twice as long. */
static inline size_t count_bits(uint64_t word)
{
	word -= word >> 1 & 0x5555555555555555;
	word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
	return ((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56;
}

static bool is_used(const struct counters *counters, size_t number)
{
	return counters->used[number / WORD_BITS] & bit_of(number);
}

/* Where the counter of this number is, or belongs. */
static inline size_t place_of(const struct counters *counters, size_t number)
{
	size_t word = number / WORD_BITS;

	return counters->before[word] + count_bits(counters->used[word] & (bit_of(number) - 1));
}

/* Makes room for so many counters. */
static bool reserve(struct counters **counters, size_t count)
{
	struct counters *made = *counters;
	size_t room;

	if (made && count <= made->room)
		return true;
	room = made ? made->room + made->room / 2U : 0;
	if (room < count + 2)
		room = count + 2;
	if (room > COUNTERS_MAX)
		room = COUNTERS_MAX;
	made = realloc(made, sizeof(*made) + room * sizeof(made->counters[0]));
	if (!made)
		return false;
	if (!*counters)
		memset(made, 0, sizeof(*made));
	made->room = (uint16_t)room;
	*counters = made;
	return true;
}

/* Apart from counters_add(), which is called for every record. */
static __attribute__((noinline)) bool insert(struct counters **counters, size_t number,
					     uint64_t count)
{
	struct counters *made;
	size_t place;

	if (!reserve(counters, *counters ? (*counters)->count + 1U : 1))
		return false;
	made = *counters;
	place = place_of(made, number);
	memmove(&made->counters[place + 1], &made->counters[place],
		(made->count - place) * sizeof(made->counters[0]));
	made->counters[place] = count;
	made->count++;
	made->used[number / WORD_BITS] |= bit_of(number);
	for (size_t i = number / WORD_BITS + 1; i < WORDS; i++)
		made->before[i]++;
	return true;
}

bool counters_add(struct counters **counters, size_t number, uint64_t count)
{
	struct counters *made = *counters;

	if (made && is_used(made, number)) {
		made->counters[place_of(made, number)] += count;
		return true;
	}
	return !count || insert(counters, number, count);
}

bool counters_merge(struct counters **to, const struct counters *from)
{
	size_t count = 0;

	if (!from)
		return true;
	for (size_t i = 0; i < WORDS; i++)
		count += count_bits(from->used[i] | (*to ? (*to)->used[i] : 0));
	if (!reserve(to, count))
		return false;
	for (size_t i = 0; (i = counters_next(from, i)) < COUNTERS_MAX; i++)
		counters_add(to, i, counters_get(from, i));
	return true;
}

uint64_t counters_get(const struct counters *counters, size_t number)
{
	return counters && is_used(counters, number)
		       ? counters->counters[place_of(counters, number)]
		       : 0;
}

size_t counters_next(const struct counters *counters, size_t number)
{
	while (counters && number < COUNTERS_MAX) {
		uint64_t rest = counters->used[number / WORD_BITS] >> number % WORD_BITS;

		if (rest)
			return number + (size_t)__builtin_ctzll(rest);
		number += WORD_BITS - number % WORD_BITS;
	}
	return COUNTERS_MAX;
}

void counters_free(struct counters *counters)
{
	free(counters);
}
