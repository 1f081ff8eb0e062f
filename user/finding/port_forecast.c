// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/port_forecast.h"

#include <stdbool.h>

/* The forecast uses the rate of the last RATE_S seconds, */
#define RATE_S 10
/* if each of the last two periods of LASTING_S seconds had at least half of it. A burst has not. */
#define LASTING_S 2
/* Connections that stay open accumulate slowly. The forecast ends at HORIZON_S. */
#define HORIZON_S 600

static uint32_t sum_ages(const struct port_pair *pair, unsigned int from, unsigned int to)
{
	uint32_t sum = 0;

	for (unsigned int age = from; age < to && age < TIME_WAIT_S; age++)
		sum += pair->ages[age];
	return sum;
}

double port_rate(const struct port_pair *pair)
{
	unsigned int seconds = RATE_S;

	/* Only full seconds count: the churn began in the oldest one. */
	while (seconds > 1 && sum_ages(pair, seconds, TIME_WAIT_S) == 0)
		seconds--;
	return (double)sum_ages(pair, 0, seconds) / seconds;
}

static bool is_lasting(const struct port_pair *pair)
{
	double least = port_rate(pair) * LASTING_S / 2;

	return sum_ages(pair, 0, LASTING_S) >= least &&
	       sum_ages(pair, LASTING_S, 2 * LASTING_S) >= least;
}

double port_settles_at(const struct port_pair *pair)
{
	return pair->held + port_rate(pair) * TIME_WAIT_S;
}

double port_seconds_left(const struct port_pair *pair, double growth)
{
	double rate = is_lasting(pair) ? port_rate(pair) : 0;
	double left = (double)pair->settings.ports - port_pair_in_use(pair);

	if (left <= 0)
		return 0;
	if (rate + growth <= 0)
		return -1;
	for (unsigned int second = 0; second < HORIZON_S; second++) {
		double back = second < TIME_WAIT_S ? pair->ages[TIME_WAIT_S - 1 - second] : rate;
		double taken = rate + growth - back;

		if (taken > 0 && taken >= left)
			return second + left / taken;
		left -= taken;
	}
	return -1;
}
