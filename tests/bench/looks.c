// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* What a look of the findings costs: with 100,000 client connections, and 28,000 in TIME_WAIT. */
#include <time.h>

#include "../unit/look.h"

#define SOCKETS 100000
#define MINIS	28000
#define ROUNDS	20

static double ms_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* A second passes; how long looks took, the quickest and the slowest of them. */
static void measure(struct look *look, const char *what)
{
	double least = 1e9, most = 0;
	size_t scans = look->kernel.scans;

	for (int i = 0; i < ROUNDS; i++) {
		double began = ms_now(), took;

		look_pass(look, 2 * NS_PER_S);
		took = ms_now() - began;
		least = took < least ? took : least;
		most = took > most ? took : most;
	}
	printf("%-52s %6.2f to %6.2f ms, %zu of %d with a scan\n", what, least, most,
	       look->kernel.scans - scans, ROUNDS);
}

static void add_open(struct look *look)
{
	char address[32];

	for (uint64_t i = 1; i <= SOCKETS; i++) {
		struct event_flow flow;

		snprintf(address, sizeof(address), "10.2.0.%u", (unsigned int)(i % 100));
		flow = make_flow("10.0.0.2", (uint16_t)(1024 + i % 60000), address, 443);
		look_open(look, i, flow, false, &client);
	}
}

static void add_minis(struct look *look, unsigned int peers)
{
	char address[32];

	for (uint64_t i = 1; i <= MINIS; i++) {
		uint64_t cookie = SOCKETS + i;
		struct event_flow flow;

		snprintf(address, sizeof(address), "10.1.%u.%u", (unsigned int)(i % peers / 250),
			 (unsigned int)(i % peers % 250));
		flow = make_flow("10.0.0.2", (uint16_t)(32768 + i), address, 80);
		look_open(look, cookie, flow, false, &client);
		look_close(look, cookie, flow, &client);
	}
}

int main(void)
{
	struct look *look = look_new(&everything);
	double began;

	add_open(look);
	look->kernel.settings.ports = UINT32_MAX;
	measure(look, "100,000 connections, no suspicion");
	look_free(look);

	look = look_new(&everything);
	add_open(look);
	add_minis(look, 1);
	measure(look, "... 28,000 in TIME_WAIT to one peer (found)");
	look_free(look);

	look = look_new(&everything);
	add_open(look);
	add_minis(look, 20000);
	measure(look, "... to 20,000 peers");
	look_free(look);

	look = look_new(&everything);
	began = ms_now();
	add_minis(look, 1);
	printf("%-52s %6.2f us each\n", "all records of a short connection (6)",
	       (ms_now() - began) * 1e3 / MINIS);
	look_free(look);
	return 0;
}
