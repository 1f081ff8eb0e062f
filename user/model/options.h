/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OPTIONS_H
#define TCPWATCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/metric_labels.h"

/* The largest ring buffer, in bytes. */
#define RING_SIZE_MAX (1ULL << 30)

/* The command line, parsed and checked. Durations are nanoseconds; 0 means "not given" unless said.
 */
struct options {
	uint32_t *pids; /* processes, not threads; no duplicates */
	size_t pid_count;
	char (*comms)[16]; /* 0-terminated, at most 15 bytes as in the kernel */
	size_t comm_count;
	uint16_t *local_ports;
	size_t local_port_count;
	uint16_t *remote_ports;
	size_t remote_port_count;
	uint64_t close_wait_ns; /* 0 is a value here: report at once */
	uint64_t interval_ns;
	uint64_t duration_ns;
	uint64_t ring_size;	 /* bytes */
	const char *btf;	 /* path; of the command line's memory; NULL: the kernel's own */
	const char **web_listen; /* addresses as given; of the command line's memory */
	size_t web_listen_count;
	const char *web_config; /* path, or NULL */
	bool web_systemd_socket;
	struct metric_labels labels;
	size_t max_groups;
	bool only_ipv4;
	bool only_ipv6;
	bool follow_forks;
	bool trace;
	bool json;
	bool features;
	unsigned int verbose; /* how often -v was given; from 2 on with libbpf's messages */
	bool stack;
	bool debuginfod;	  /* with -s: debug information may be downloaded */
	int error_exitcode;	  /* 0 = leaks do not change the exit status */
	const char *suppressions; /* path, or NULL; of the command line's memory */
	bool gen_suppressions;
	bool strict;	  /* idle connections of clients are leaks */
	char **command;	  /* with its arguments, ends with NULL; NULL = none; of the command line's
			     memory */
	const char *user; /* the user who runs the command; NULL = the user of tcpwatch */
	const char *output; /* path for the results, or NULL: stdout */
};

/* Whether metrics are served. */
static inline bool options_serve(const struct options *options)
{
	return options->web_listen_count || options->web_systemd_socket;
}

#endif
