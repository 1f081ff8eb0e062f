// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "ring.h"

#include "host/ring_set.h"

/*
 * CPUs that write as bpf/ring.bpf.h does, and a reader that merges what they wrote. CPUs take
 * turns; a turn is an interrupt or a part of the work under a socket's lock. Rings are so small
 * that they are often full.
 */
#define CPUS	4
#define SHARED	2
#define RINGS	(CPUS + SHARED)
#define SOCKETS 6
#define NESTED	2
#define WRITTEN 64 /* records that are reserved and not yet complete */

struct test_record {
	struct event_header header;
	uint64_t time_ns;
	uint32_t socket;
	uint32_t number; /* of the socket's records */
	unsigned char rest[];
};

/* The work under a socket's lock. */
struct section {
	int socket;
	uint64_t began_ns; /* the clock, when it was read under the lock */
};

struct cpu {
	struct section sections[NESTED]; /* the later ones have interrupted the earlier ones */
	int depth;
	uint64_t shared_ns;
};

enum rule { KEEP_ALL, TIME_BEHIND_RESERVE, STALE_IN_SHARED, STALE_BEHIND_SHARED };

struct host {
	struct ring_memory rings[RINGS];
	struct ring_set *set;
	struct cpu cpus[CPUS];
	bool locked[SOCKETS];
	uint32_t written[SOCKETS], taken[SOCKETS];
	uint64_t now_ns, writes, reads, lost, in_shared, disorders;
	struct {
		uint32_t *header;
		int cpu, depth;
	} busy[WRITTEN];
	size_t busy_count;
	enum rule broken;
};

static void pass_time(struct host *host, uint64_t least_ns, uint64_t most_ns)
{
	host->now_ns += least_ns + random_below(most_ns - least_ns + 1);
}

static void begin_section(struct host *host, int cpu)
{
	struct cpu *on = &host->cpus[cpu];
	int socket = (int)random_below(SOCKETS);

	if (on->depth == NESTED || host->locked[socket])
		return;
	host->locked[socket] = true;
	pass_time(host, 1, 3); /* the lock comes from another CPU */
	on->sections[on->depth++] = (struct section){socket, host->now_ns};
}

static void turn(struct host *host, int cpu);

/* Between any two steps of a program, the CPU may be interrupted. */
static void may_be_interrupted(struct host *host, int cpu)
{
	int depth = host->cpus[cpu].depth;

	pass_time(host, 0, 2);
	if (random_below(6))
		return;
	begin_section(host, cpu);
	while (host->cpus[cpu].depth > depth)
		turn(host, cpu);
}

static void set_time(const struct ring_memory *ring, const uint32_t *header, uint64_t time_ns)
{
	for (size_t i = 0; i < sizeof(time_ns); i++)
		*ring_byte(ring, header, offsetof(struct test_record, time_ns) + i) =
			((const unsigned char *)&time_ns)[i];
}

static uint32_t *reserve(struct host *host, int ring, uint32_t length)
{
	if (!ring_has_room(&host->rings[ring], length))
		return NULL;
	host->writes++;
	return ring_put(&host->rings[ring], length, BPF_RINGBUF_BUSY_BIT);
}

static uint32_t *reserve_shared(struct host *host, int cpu, uint32_t length, uint64_t *time_ns,
				int *ring)
{
	uint32_t *header = NULL;

	if (host->broken != STALE_IN_SHARED)
		*time_ns = host->now_ns;
	may_be_interrupted(host, cpu);
	for (int i = CPUS; !header && i < RINGS; i++) {
		header = reserve(host, i, length);
		*ring = i;
	}
	if (!header)
		return NULL;
	host->in_shared++;
	host->cpus[cpu].shared_ns = host->now_ns;
	return header;
}

/* The program that writes a record, of the section that the CPU is in. */
static void write_record(struct host *host, int cpu)
{
	struct cpu *on = &host->cpus[cpu];
	const struct section *section = &on->sections[on->depth - 1];
	uint32_t length = (uint32_t)(sizeof(struct test_record) + 8 * random_below(20));
	uint64_t time_ns = random_below(2) ? section->began_ns : host->now_ns;
	struct test_record record = {.socket = (uint32_t)section->socket};
	uint32_t *header = NULL;
	int ring = cpu;

	may_be_interrupted(host, cpu);
	if (time_ns > on->shared_ns || host->broken == STALE_BEHIND_SHARED)
		header = reserve(host, cpu, length);
	if (!header)
		header = reserve_shared(host, cpu, length, &time_ns, &ring);
	if (!header) {
		host->lost++;
		return;
	}
	pass_time(host, 1, 3); /* no program is shorter than a tick of the clock */
	record.number = host->written[section->socket]++;
	for (size_t i = 0; i < sizeof(record); i++)
		*ring_byte(&host->rings[ring], header, i) = ((const unsigned char *)&record)[i];
	may_be_interrupted(host, cpu);
	if (host->broken == TIME_BEHIND_RESERVE)
		time_ns = host->now_ns;
	set_time(&host->rings[ring], header, time_ns);
	*header &= random_below(20) ? ~BPF_RINGBUF_BUSY_BIT : ~0U;
	if (*header & BPF_RINGBUF_BUSY_BIT) { /* the end of the program comes later */
		assert_true(host->busy_count < WRITTEN);
		host->busy[host->busy_count++].header = header;
	}
}

static void finish_programs(struct host *host)
{
	while (host->busy_count)
		*host->busy[--host->busy_count].header &= ~BPF_RINGBUF_BUSY_BIT;
}

static void turn(struct host *host, int cpu)
{
	struct cpu *on = &host->cpus[cpu];

	if (on->depth && random_below(3)) {
		write_record(host, cpu);
	} else if (on->depth && random_below(2)) {
		on->depth--;
		host->locked[on->sections[on->depth].socket] = false;
	} else {
		begin_section(host, cpu);
	}
}

static void on_record(void *context, const void *record, size_t size)
{
	struct host *host = context;
	const struct test_record *e = record;

	assert_true(size >= sizeof(*e) && e->socket < SOCKETS);
	host->reads++;
	host->disorders += e->number != host->taken[e->socket];
	host->taken[e->socket] = e->number + 1;
}

/* One drain, in turns, in which the CPUs go on. */
static void drain(struct host *host)
{
	uint64_t end_ns = host->now_ns;

	for (;;) {
		ring_set_look(host->set);
		if (!ring_set_take(host->set, end_ns, random_below(20), on_record, host))
			break;
		for (uint64_t i = random_below(10); i; i--)
			turn(host, (int)random_below(CPUS));
	}
	ring_set_release(host->set);
}

static void host_make(struct host *host, enum rule broken)
{
	static const size_t pages[RINGS] = {1, 1, 1, 1, 2, 1};

	memset(host, 0, sizeof(*host));
	host->broken = broken;
	host->now_ns = 1000;
	host->set = ring_set_new();
	assert_non_null(host->set);
	for (int i = 0; i < RINGS; i++) {
		ring_map(&host->rings[i], pages[i], random_below(2) ? 0 : 0UL - 8 * 1000);
		assert_int_equal(ring_set_add(host->set, host->rings[i].fd, host->rings[i].size),
				 0);
	}
}

static void host_end(struct host *host)
{
	ring_set_free(host->set);
	for (int i = 0; i < RINGS; i++)
		ring_unmap(&host->rings[i]);
}

static void run(struct host *host, int turns)
{
	for (int i = 0; i < turns; i++) {
		turn(host, (int)random_below(CPUS));
		pass_time(host, 0, 1);
		if (host->busy_count > WRITTEN / 2 || !random_below(20))
			finish_programs(host);
		/* Mostly late, so that lanes are full. */
		if (!random_below(i / 5000 % 2 ? 50 : 2000))
			drain(host);
	}
	for (int cpu = 0; cpu < CPUS; cpu++)
		while (host->cpus[cpu].depth)
			turn(host, cpu);
	finish_programs(host);
	host->now_ns++;
	ring_set_look(host->set);
	assert_false(ring_set_take(host->set, host->now_ns, SIZE_MAX, on_record, host));
	ring_set_release(host->set);
	for (int i = 0; i < RINGS; i++)
		assert_true(*host->rings[i].consumer == *host->rings[i].producer);
}

static void every_sockets_records_come_in_order(void **state)
{
	(void)state;
	for (int seed = 0; seed < 20; seed++) {
		struct host host;

		host_make(&host, KEEP_ALL);
		run(&host, 20000);
		assert_int_equal(host.disorders, 0);
		assert_int_equal(host.reads, host.writes);
		for (int i = 0; i < SOCKETS; i++)
			assert_int_equal(host.taken[i], host.written[i]);
		/* It was about something. */
		assert_true(host.writes - host.in_shared > 1000 && host.in_shared > 300);
		assert_true(host.lost > 100);
		host_end(&host);
	}
}

/* Each of the rules is needed: this test would notice. */
static void without_a_rule_they_do_not(void **state)
{
	static const enum rule rules[] = {TIME_BEHIND_RESERVE, STALE_IN_SHARED,
					  STALE_BEHIND_SHARED};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		uint64_t disorders = 0;

		for (int seed = 0; seed < 20; seed++) {
			struct host host;

			host_make(&host, rules[i]);
			run(&host, 20000);
			disorders += host.disorders;
			assert_int_equal(host.reads, host.writes);
			host_end(&host);
		}
		assert_true(disorders > 0);
	}
}

static void put(struct host *host, int ring, uint64_t time_ns, uint32_t socket)
{
	struct test_record record = {
		.time_ns = time_ns, .socket = socket, .number = host->written[socket]++};
	uint32_t *header = ring_put(&host->rings[ring], sizeof(record), 0);

	for (size_t i = 0; i < sizeof(record); i++)
		*ring_byte(&host->rings[ring], header, i) = ((const unsigned char *)&record)[i];
}

static void the_bound_is_a_time(void **state)
{
	struct host host;

	(void)state;
	host_make(&host, KEEP_ALL);
	for (int i = 0; i < RINGS; i++)
		put(&host, RINGS - 1 - i, 10 + (uint64_t)i, 0);
	ring_set_look(host.set);
	put(&host, 0, 1, 1); /* it was not looked at */
	assert_false(ring_set_take(host.set, 10, SIZE_MAX, on_record, &host));
	assert_int_equal(host.reads, 0);
	assert_true(ring_set_take(host.set, 13, 2, on_record, &host));
	assert_int_equal(host.reads, 2);
	assert_false(ring_set_take(host.set, 13, 2, on_record, &host));
	assert_int_equal(host.reads, 3);
	assert_false(ring_set_take(host.set, UINT64_MAX, SIZE_MAX, on_record, &host));
	assert_int_equal(host.reads, RINGS);
	assert_int_equal(host.disorders, 0);
	host_end(&host);
}

/* How old it is, is not known; but nothing is lost by waiting. */
static void a_record_that_is_being_written_is_waited_for(void **state)
{
	struct host host;
	uint32_t *header;

	(void)state;
	host_make(&host, KEEP_ALL);
	put(&host, 0, 10, 0);
	put(&host, 0, 14, 0);
	header = ring_put(&host.rings[1], 32, BPF_RINGBUF_BUSY_BIT);
	ring_set_look(host.set);
	assert_false(ring_set_take(host.set, 20, SIZE_MAX, on_record, &host));
	assert_int_equal(host.reads, 0);
	memset(ring_byte(&host.rings[1], header, 0), 0, 32);
	set_time(&host.rings[1], header, 12);
	*ring_byte(&host.rings[1], header, offsetof(struct test_record, socket)) = 1;
	*header &= ~BPF_RINGBUF_BUSY_BIT;
	ring_set_look(host.set);
	assert_false(ring_set_take(host.set, 20, SIZE_MAX, on_record, &host));
	assert_int_equal(host.reads, 3);
	assert_int_equal(host.disorders, 0);
	host_end(&host);
}

static void many_rings_are_merged(void **state)
{
	struct ring_memory rings[100];
	struct ring_set *set = ring_set_new();
	struct host host = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rings); i++) {
		ring_map(&rings[i], 1, 0);
		assert_int_equal(ring_set_add(set, rings[i].fd, rings[i].size), 0);
	}
	for (uint32_t i = 0; i < 3000; i++) {
		struct test_record record = {.time_ns = i / 2, .number = i};
		size_t ring = i % 2 ? 99 : random_below(99); /* of the same time, the first ring */

		memcpy(ring_byte(&rings[ring], ring_put(&rings[ring], sizeof(record), 0), 0),
		       &record, sizeof(record));
		if (i % 80 == 79 || i == 2999) {
			ring_set_look(set);
			ring_set_take(set, UINT64_MAX, SIZE_MAX, on_record, &host);
			ring_set_release(set);
		}
	}
	assert_int_equal(host.reads, 3000);
	assert_int_equal(host.disorders, 0);
	ring_set_free(set);
	for (size_t i = 0; i < ARRAY_SIZE(rings); i++)
		ring_unmap(&rings[i]);
}

static void nothing_comes_of_nothing(void **state)
{
	struct ring_set *set = ring_set_new();

	(void)state;
	ring_set_look(set);
	assert_false(ring_set_take(set, UINT64_MAX, SIZE_MAX, on_record, NULL));
	assert_true(ring_set_add(set, -1, 4096) < 0);
	ring_set_look(set);
	assert_false(ring_set_take(set, UINT64_MAX, SIZE_MAX, on_record, NULL));
	ring_set_free(set);
	ring_set_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sockets_records_come_in_order),
		cmocka_unit_test(without_a_rule_they_do_not),
		cmocka_unit_test(the_bound_is_a_time),
		cmocka_unit_test(a_record_that_is_being_written_is_waited_for),
		cmocka_unit_test(many_rings_are_merged),
		cmocka_unit_test(nothing_comes_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
