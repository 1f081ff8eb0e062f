// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "metric/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/units.h"

static void gauge(struct metric_text *text, const char *name, const char *help, uint64_t value)
{
	metric_family(text, name, METRIC_GAUGE, help);
	metric_name(text, name, "");
	metric_labels_text(text, "", 0);
	metric_value_u64(text, value);
}

static void write_cpu(struct metric_text *text)
{
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used))
		return;
	metric_family(text, "process_cpu_seconds", METRIC_COUNTER,
		      "Total user and system CPU time spent in seconds.");
	metric_name(text, "process_cpu_seconds", "_total");
	metric_labels_text(text, "", 0);
	metric_value_seconds(text, (uint64_t)used.tv_sec * NS_PER_S + (uint64_t)used.tv_nsec);
}

static void write_fds(struct metric_text *text)
{
	DIR *directory = opendir("/proc/self/fd");
	struct rlimit limit;
	uint64_t count = 0;

	if (directory) {
		const struct dirent *entry;

		while ((entry = readdir(directory)))
			count += entry->d_name[0] != '.';
		closedir(directory);
		/* Without the descriptor that was open for counting. */
		gauge(text, "process_open_fds", "Number of open file descriptors.", count - 1);
	}
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		gauge(text, "process_max_fds", "Maximum number of open file descriptors.",
		      limit.rlim_cur);
}

static void write_memory(struct metric_text *text)
{
	unsigned long long virtual_pages, resident_pages;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *file = fopen("/proc/self/statm", "re");
	int count;

	if (!file)
		return;
	count = fscanf(file, "%llu %llu", &virtual_pages, &resident_pages);
	fclose(file);
	if (count != 2)
		return;
	gauge(text, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
	      virtual_pages * page);
	gauge(text, "process_resident_memory_bytes", "Resident memory size in bytes.",
	      resident_pages * page);
}

/* The start of this process in ticks since boot, 0 on failure: field 22 of /proc/self/stat
 * (proc(5)). Field 2, the name, may contain any characters, so the fields are counted from the last
 * ')'. */
static uint64_t start_ticks(void)
{
	FILE *file = fopen("/proc/self/stat", "re");
	unsigned long long ticks = 0;
	char line[1024];
	const char *at;

	if (!file)
		return 0;
	at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	if (!at || sscanf(at + 1,
			  " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			  "%*s %*s %llu",
			  &ticks) != 1)
		return 0;
	return ticks;
}

static void write_start(struct metric_text *text)
{
	uint64_t ticks = start_ticks(), started_ns;
	struct timespec wall, boot;

	if (!ticks || clock_gettime(CLOCK_REALTIME, &wall) || clock_gettime(CLOCK_BOOTTIME, &boot))
		return;
	started_ns = ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK)) +
		     (uint64_t)wall.tv_sec * NS_PER_S + (uint64_t)wall.tv_nsec -
		     (uint64_t)boot.tv_sec * NS_PER_S - (uint64_t)boot.tv_nsec;
	metric_family(text, "process_start_time_seconds", METRIC_GAUGE,
		      "Start time of the process since unix epoch in seconds.");
	metric_name(text, "process_start_time_seconds", "");
	metric_labels_text(text, "", 0);
	/* Rounded to 10 ms, the resolution of ticks: else the value would change with the offset of
	 * the two clocks. */
	metric_value_seconds(text, started_ns / (10 * NS_PER_MS) * (10 * NS_PER_MS));
}

void process_metrics_write(struct metric_text *text)
{
	write_cpu(text);
	write_fds(text);
	write_memory(text);
	write_start(text);
}
