// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Any bytes as values of options: durations, sizes, ports, pids, names. The first byte chooses
 * one. */
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

/* Wrong usage ends tcpwatch. Here it ends only the current input. */
static jmp_buf ended;
static _Noreturn void end_input(int status)
{
	longjmp(ended, status + 1);
}

#define exit end_input
#include "../../user/cli/usage.c"
#include "../../user/cli/options.c"
#undef exit

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define HUNDRED_YEARS_NS (36525ULL * 86400 * NS_PER_S)
#define UNTOUCHED	 0xdeadbeefULL
#define TEXT_MAX	 300

/* Reads the number before the unit in another way, which is exact enough up to 18 digits. */
static void check_value(const char *text, const char *const *names, const uint64_t *sizes,
			uint64_t parsed)
{
	char *unit;
	long double number = strtold(text, &unit);

	if (unit - text > 18)
		return;
	for (size_t i = 0; names[i]; i++) {
		if (strcmp(unit, names[i]))
			continue;
		number *= (long double)sizes[i];
		CHECK((long double)parsed <= number * (1 + 1e-15L) + 0.001L);
		CHECK((long double)parsed >= number * (1 - 1e-15L) - 1.001L);
		return;
	}
	abort();
}

static void fuzz_duration(const char *text)
{
	static const char *const names[] = {"", "ns", "us", "ms", "s", "m", "h", "d", NULL};
	static const uint64_t sizes[] = {
		NS_PER_S,	 1, NS_PER_US, NS_PER_MS, NS_PER_S, 60 * NS_PER_S, 3600 * NS_PER_S,
		86400 * NS_PER_S};
	char formatted[DURATION_TEXT_LEN];
	uint64_t ns = UNTOUCHED;

	if (duration_parse(text, &ns)) {
		CHECK(ns == UNTOUCHED);
		return;
	}
	CHECK(ns <= HUNDRED_YEARS_NS);
	check_value(text, names, sizes, ns);
	CHECK(strlen(duration_format(ns, formatted)) <= 7);
}

static void fuzz_size(const char *text)
{
	static const char *const names[] = {"", "K", "M", "G", NULL};
	static const uint64_t sizes[] = {1, 1 << 10, 1 << 20, 1 << 30};
	uint64_t bytes = UNTOUCHED;

	if (size_parse(text, &bytes))
		CHECK(bytes == UNTOUCHED);
	else
		check_value(text, names, sizes, bytes);
}

static void check_options(const struct options *options)
{
	for (size_t i = 0; i < options->pid_count; i++)
		CHECK(options->pids[i] >= 1 && options->pids[i] <= PID_MAX);
	for (size_t i = 0; i < options->local_port_count; i++)
		CHECK(options->local_ports[i]);
	for (size_t i = 0; i < options->comm_count; i++)
		CHECK(strnlen(options->comms[i], sizeof(*options->comms)) <
		      sizeof(*options->comms));
}

static void parse(struct options *options, unsigned int which, const char *text)
{
	switch (which % 7) {
	case 0:
		fuzz_duration(text);
		break;
	case 1:
		fuzz_size(text);
		break;
	case 2:
		list_parse(options, text, pid_parse);
		break;
	case 3:
		list_parse(options, text, local_port_parse);
		break;
	case 4:
		list_parse(options, text, remote_port_parse);
		break;
	case 5:
		comms_add(options, text);
		break;
	default:
		options->ring_size = ring_size_option(text);
		CHECK(options->ring_size >= RING_MIN && options->ring_size <= RING_SIZE_MAX);
		break;
	}
	check_options(options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct options options;
	char text[TEXT_MAX + 1];

	if (!size || size - 1 > TEXT_MAX)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	options = (struct options){0};
	if (!setjmp(ended))
		parse(&options, data[0], text);
	options_free(&options);
	return 0;
}
