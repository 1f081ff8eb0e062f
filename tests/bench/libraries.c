// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Own code against the library that could do it: the socket table and uthash, the JSON writer and
 * jansson. */
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"
#include "output/output.h"
#include "track/socket_table.h"

#define LINES 200000

struct hashed {
	struct tcp_socket socket;
	UT_hash_handle hh;
};

struct figures {
	double insert_ns, find_ns, remove_ns, bytes;
};

static size_t heap_used(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* Cookies come nearly consecutively; look-ups come in another order. */
static uint64_t cookie_at(size_t i, size_t count)
{
	return 1 + i * 7919 % count;
}

static struct figures run_own(size_t count)
{
	struct socket_table *table = socket_table_new();
	size_t before = heap_used();
	uint64_t start = clock_now(), found = 0;
	struct figures figures;

	for (size_t i = 0; i < count; i++)
		socket_table_insert(table, i + 1);
	figures.insert_ns = (double)(clock_now() - start) / (double)count;
	figures.bytes = (double)(heap_used() - before) / (double)count;
	start = clock_now();
	for (size_t i = 0; i < count; i++)
		found += socket_table_find(table, cookie_at(i, count)) != NULL;
	figures.find_ns = (double)(clock_now() - start) / (double)count;
	start = clock_now();
	for (size_t i = 0; i < count; i++)
		socket_table_remove(table, socket_table_find(table, cookie_at(i, count)));
	figures.remove_ns = (double)(clock_now() - start) / (double)count;
	socket_table_free(table);
	if (found != count)
		abort();
	return figures;
}

static struct hashed *uthash_find(struct hashed *table, uint64_t cookie)
{
	struct hashed *found;

	HASH_FIND(hh, table, &cookie, sizeof(cookie), found);
	return found;
}

static struct figures run_uthash(size_t count)
{
	struct hashed *table = NULL, *entry;
	size_t before = heap_used();
	uint64_t start = clock_now(), found = 0;
	struct figures figures;

	for (size_t i = 0; i < count; i++) {
		entry = calloc(1, sizeof(*entry));
		entry->socket.cookie = i + 1;
		HASH_ADD(hh, table, socket.cookie, sizeof(entry->socket.cookie), entry);
	}
	figures.insert_ns = (double)(clock_now() - start) / (double)count;
	figures.bytes = (double)(heap_used() - before) / (double)count;
	start = clock_now();
	for (size_t i = 0; i < count; i++)
		found += uthash_find(table, cookie_at(i, count)) != NULL;
	figures.find_ns = (double)(clock_now() - start) / (double)count;
	start = clock_now();
	for (size_t i = 0; i < count; i++) {
		entry = uthash_find(table, cookie_at(i, count));
		HASH_DEL(table, entry);
		free(entry);
	}
	figures.remove_ns = (double)(clock_now() - start) / (double)count;
	if (found != count)
		abort();
	return figures;
}

static void print_table(const char *name, size_t count, struct figures f)
{
	printf("  %-12s %8zu sockets  insert %6.1f ns  find %6.1f ns  find and remove %6.1f ns  %6.1f bytes\n",
	       name, count, f.insert_ns, f.find_ns, f.remove_ns, f.bytes);
}

static double run_writer(FILE *null, const struct flow *flow)
{
	struct output *output = output_json_new(null);
	uint64_t start = clock_now();

	clock_read(&output->clock);
	for (uint64_t i = 0; i < LINES; i++) {
		const struct change change = {.time_ns = start + i,
					      .cookie = i,
					      .lifetime_ns = i,
					      .flow = flow,
					      .from = TCP_ESTABLISHED,
					      .to = TCP_CLOSE_WAIT};

		output->ops->change(output, &change);
	}
	start = clock_now() - start;
	output->ops->free(output);
	return (double)start / LINES;
}

/* The same line, built and dumped by jansson. */
static double run_jansson(FILE *null, const struct flow *flow)
{
	char time[CLOCK_RFC3339_LEN], local[ENDPOINT_TEXT_LEN], remote[ENDPOINT_TEXT_LEN],
		cookie[20];
	struct clock clock = {0};
	uint64_t start = clock_now();

	clock_read(&clock);
	for (uint64_t i = 0; i < LINES; i++) {
		json_t *line;

		snprintf(cookie, sizeof(cookie), "%llx", (unsigned long long)i);
		line = json_pack(
			"{s:s s:s s:n s:n s:s s:s s:s s:s s:s s:I s:n s:s s:s s:I s:n}", "type",
			"transition", "time", clock_format_rfc3339(&clock, start + i, time), "pid",
			"comm", "owner", "unknown", "socket", cookie, "family", "inet", "local",
			flow_format_local(flow, local), "remote", flow_format_remote(flow, remote),
			"netns", (json_int_t)flow->netns, "role", "from", "ESTABLISHED", "to",
			"CLOSE_WAIT", "lifetime_ns", (json_int_t)i, "cause");
		json_dumpf(line, null, JSON_COMPACT);
		fputc('\n', null);
		json_decref(line);
	}
	return (double)(clock_now() - start) / LINES;
}

int main(void)
{
	static const struct flow flow = {.local = {127, 0, 0, 1},
					 .remote = {127, 0, 0, 1},
					 .local_port = 8080,
					 .remote_port = 45184,
					 .netns = 4026531840,
					 .family = 2};
	FILE *null = fopen("/dev/null", "w");

	printf("A table of sockets by cookie, %zu bytes each\n", sizeof(struct tcp_socket));
	for (size_t count = 10000; count <= 1000000; count *= 10) {
		print_table("own", count, run_own(count));
		print_table("uthash", count, run_uthash(count));
	}
	printf("A transition as JSON\n");
	for (int i = 0; i < 3; i++)
		printf("  own %.0f ns a line, jansson %.0f ns\n", run_writer(null, &flow),
		       run_jansson(null, &flow));
	return 0;
}
