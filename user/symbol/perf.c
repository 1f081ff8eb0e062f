// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/perf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool take_hex(char **at, const char *end, uint64_t *value)
{
	uint64_t sum = 0;
	size_t digits = 0;

	if (end - *at > 2 && (*at)[0] == '0' && (*at)[1] == 'x')
		*at += 2;
	for (; *at < end; (*at)++, digits++) {
		char c = **at;
		unsigned int digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned int)(c - 'A') + 10;
		else
			break;
		if (sum >> 60)
			return false;
		sum = sum << 4 | digit;
	}
	if (!digits || *at == end || **at != ' ')
		return false;
	while (*at < end && **at == ' ')
		(*at)++;
	*value = sum;
	return true;
}

/* Later lines get lower values, so that symbol_index_find() returns the last line for a place. */
static int take_line(struct symbol_perf *perf, char *at, char *end)
{
	uint64_t start, size;
	int err;

	if (!take_hex(&at, end, &start) || !take_hex(&at, end, &size) || at == end || !size ||
	    size > UINT64_MAX - start)
		return 0;
	*end = '\0';
	err = symbol_index_add(&perf->index, start, start + size,
			       UINT64_MAX - (uint64_t)(at - perf->text));
	return err == -E2BIG ? 0 : err;
}

int symbol_perf_parse(struct symbol_perf *perf, char *text, size_t len)
{
	struct symbol_perf made = {.text = text};
	char *at = text, *end = text + len, *newline;
	int err = 0;

	for (; !err && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1)
		err = take_line(&made, at, newline);
	if (err) {
		symbol_perf_clear(&made);
		return err;
	}
	symbol_index_seal(&made.index);
	*perf = made;
	return 0;
}

const char *symbol_perf_find(const struct symbol_perf *perf, uint64_t address, uint64_t *start)
{
	const struct symbol_range *range = symbol_index_find(&perf->index, address);

	if (!range)
		return NULL;
	*start = range->low;
	return perf->text + (UINT64_MAX - range->value);
}

void symbol_perf_clear(struct symbol_perf *perf)
{
	free(perf->text);
	symbol_index_clear(&perf->index);
	perf->text = NULL;
}
