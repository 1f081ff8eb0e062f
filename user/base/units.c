// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "base/units.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIGITS		"0123456789"
#define NS_PER_MIN	(60 * NS_PER_S)
#define NS_PER_HOUR	(60 * NS_PER_MIN)
#define NS_PER_DAY	(24 * NS_PER_HOUR)
#define DURATION_MAX_NS (36525 * NS_PER_DAY)

struct unit {
	const char *name;
	uint64_t size;
};

static const struct unit duration_units[] = {
	{"", NS_PER_S},	    {"ns", 1},	       {"us", NS_PER_US},
	{"ms", NS_PER_MS},  {"s", NS_PER_S},   {"m", NS_PER_MIN},
	{"h", NS_PER_HOUR}, {"d", NS_PER_DAY}, {NULL, 0},
};

static const struct unit size_units[] = {
	{"", 1}, {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}, {NULL, 0},
};

/* Returns 0 for a name that is no unit. */
static uint64_t unit_size(const struct unit *unit, const char *name)
{
	while (unit->name && strcmp(unit->name, name))
		unit++;
	return unit->size;
}

/* Returns 0, or -ERANGE above max with *number untouched. */
static int digits_parse(const char *digits, size_t count, uint64_t max, uint64_t *number)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned int digit = (unsigned int)(digits[i] - '0');

		if (sum > max / 10 || digit > max - sum * 10)
			return -ERANGE;
		sum = sum * 10 + digit;
	}
	*number = sum;
	return 0;
}

/* Returns the digits behind the point as a part of size. Begins with the last digit, so that no
 * precision is lost. */
static uint64_t fraction_of(uint64_t size, const char *digits, size_t count)
{
	uint64_t part = 0;

	while (count--)
		part = (part + (uint64_t)(digits[count] - '0') * size) / 10;
	return part;
}

int duration_parse(const char *text, uint64_t *ns)
{
	const char *fraction = "";
	size_t whole_count = strspn(text, DIGITS);
	size_t fraction_count = 0;
	const char *name = text + whole_count;
	uint64_t size, whole, part;

	if (*name == '.') {
		fraction = name + 1;
		fraction_count = strspn(fraction, DIGITS);
		if (!fraction_count)
			return -EINVAL;
		name = fraction + fraction_count;
	}
	size = unit_size(duration_units, name);
	if (!size || !(whole_count + fraction_count))
		return -EINVAL;
	if (digits_parse(text, whole_count, DURATION_MAX_NS / size, &whole))
		return -ERANGE;
	part = fraction_of(size, fraction, fraction_count);
	if (part > DURATION_MAX_NS - whole * size)
		return -ERANGE;
	*ns = whole * size + part;
	return 0;
}

int size_parse(const char *text, uint64_t *bytes)
{
	size_t count = strspn(text, DIGITS);
	uint64_t size = unit_size(size_units, text + count);
	uint64_t number;

	if (!count || !size)
		return -EINVAL;
	if (digits_parse(text, count, UINT64_MAX / size, &number))
		return -ERANGE;
	*bytes = number * size;
	return 0;
}

/*
 * How a duration is shown, by its length. The duration is counted in steps and rounded to the
 * nearest. The first row whose end the rounded count does not reach is used, so that 999.6us
 * becomes 1.00ms.
 */
static const struct {
	uint64_t step_ns;
	uint64_t end;		/* in steps */
	unsigned int per_whole; /* how many steps make one of the larger unit */
	int small_digits;
	const char *middle;
	const char *last;
} rows[] = {
	{1, 1000, 1, 0, "ns", ""},
	{NS_PER_US / 100, 1000, 100, 2, ".", "us"},
	{NS_PER_US / 10, 1000, 10, 1, ".", "us"},
	{NS_PER_US, 1000, 1, 0, "us", ""},
	{NS_PER_MS / 100, 1000, 100, 2, ".", "ms"},
	{NS_PER_MS / 10, 1000, 10, 1, ".", "ms"},
	{NS_PER_MS, 1000, 1, 0, "ms", ""},
	{NS_PER_S / 100, 1000, 100, 2, ".", "s"},
	{NS_PER_S / 10, 1000, 10, 1, ".", "s"},
	{NS_PER_S, 3600, 60, 2, "m", "s"},
	{NS_PER_MIN, 24 * 60, 60, 2, "h", "m"},
	{NS_PER_HOUR, 24 * 1000, 24, 2, "d", "h"},
	{NS_PER_DAY, UINT64_MAX, 1, 0, "d", ""},
};

static uint64_t divide_rounded(uint64_t value, uint64_t by)
{
	return value / by + (value % by >= by - value % by);
}

const char *duration_format(uint64_t ns, char text[DURATION_TEXT_LEN])
{
	size_t i = 0;
	uint64_t steps;

	while ((steps = divide_rounded(ns, rows[i].step_ns)) >= rows[i].end)
		i++;
	if (rows[i].small_digits)
		snprintf(text, DURATION_TEXT_LEN, "%u%s%0*u%s",
			 (unsigned int)(steps / rows[i].per_whole), rows[i].middle,
			 rows[i].small_digits, (unsigned int)(steps % rows[i].per_whole),
			 rows[i].last);
	else
		snprintf(text, DURATION_TEXT_LEN, "%u%s", (unsigned int)steps, rows[i].middle);
	return text;
}
