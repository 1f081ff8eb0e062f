// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/feature.h"

const struct feature_info feature_infos[FEATURES] = {
	[FEATURE_TRANSITIONS] = {.name = "transitions",
				 .program = "on_set_state",
				 .gives = "every state change, and which process made it",
				 .loses = "tcpwatch does not work without it",
				 .core = true},
	[FEATURE_DESCRIPTORS] = {.name = "descriptors",
				 .program = "scan_fds",
				 .gives = "the holders of a socket; sockets older than tcpwatch",
				 .loses = "leaks cannot be judged",
				 .core = true},
	[FEATURE_TABLES] = {.name = "tables",
			    .program = "scan_tcp",
			    .twin = "scan_tasks",
			    .gives = "sockets that no descriptor holds; TIME_WAIT, SYN_RECV",
			    .loses = "unaccepted connections cannot be seen",
			    .core = true},
	[FEATURE_NAMESPACES] = {.name = "namespaces",
				.program = "scan_namespaces",
				.gives = "network namespaces that no process is in",
				.loses =
					"sockets of namespaces without a process are only counted"},
	[FEATURE_CLOSES] = {.name = "closes",
			    .program = "on_destroy",
			    .gives = "which process owned a connection that ended in a reset",
			    .loses = "reset connections are counted for the listener's process"},
	[FEATURE_FORKS] = {.name = "forks",
			   .program = "on_fork",
			   .gives = "-f: the children of watched processes",
			   .loses = "-f does not work"},
	[FEATURE_ACCEPT_STACKS] = {.name = "accept_stacks",
				   .program = "on_accept_exit",
				   .twin = "on_accept4_exit",
				   .gives = "-s without accept: who accepts, where; slows syscalls",
				   .loses = "-s does not show where connections were accepted"},
	[FEATURE_GO_REQUESTS] = {.name = "go_requests",
				 .program = "on_exec",
				 .twin = "on_go_request",
				 .gives = "-s: the code that last used a Go program's connection",
				 .loses = "-s shows where net/http connects, not the last request"},
	[FEATURE_GO_STARTS] = {.name = "go_starts",
			       .program = "on_go_breakpoint",
			       .gives = "-s: the same in a Go program's first milliseconds",
			       .loses = "-s shows net/http itself for the first requests"},
	[FEATURE_ACCEPT] = {.name = "accept",
			    .program = "on_accept",
			    .gives = "which process accepts, when, and after how long",
			    .loses = "owners are known at close() or by a scan; no accept_wait",
			    .full = true},
	[FEATURE_TIME_WAIT] = {.name = "time_wait",
			       .program = "on_mini_free",
			       .gives = "lifetimes of TIME_WAIT",
			       .loses = "TIME_WAIT is counted, but its lifetime is null",
			       .full = true},
	[FEATURE_FIN_WAIT2] = {.name = "fin_wait2",
			       .program = "on_mini_timed",
			       .gives = "lifetimes of FIN_WAIT2 after close()",
			       .loses = "the lifetime of FIN_WAIT2 after close() is null",
			       .full = true},
	[FEATURE_OVERFLOW] = {.name = "overflow",
			      .program = "on_mini_alloc",
			      .gives = "sockets that were refused a TIME_WAIT (tcp_max_tw_buckets)",
			      .loses = "a refused TIME_WAIT counts as open until a scan",
			      .full = true},
	[FEATURE_HALF_OPEN] = {.name = "half_open",
			       .program = "on_request",
			       .gives = "lifetimes of SYN_RECV that never completes",
			       .loses = "SYN_RECV that never completes is only counted",
			       .full = true},
	[FEATURE_RETRANSMITS] = {.name = "retransmits",
				 .program = "on_repeated",
				 .gives = "retransmissions of data, SYN and FIN",
				 .loses = "retransmissions are not seen"},
	[FEATURE_SYNACKS] = {.name = "synacks",
			     .program = "on_synack",
			     .gives = "retransmissions of SYN-ACKs",
			     .loses = "retransmissions of SYN-ACKs are not seen"},
	[FEATURE_RESETS_SENT] = {.name = "resets_sent",
				 .program = "on_reset_sent",
				 .gives = "resets sent, also for data that came after close()",
				 .loses = "resets sent are not counted"},
	[FEATURE_RESETS_RECEIVED] = {.name = "resets_received",
				     .program = "on_reset_got",
				     .gives = "resets received",
				     .loses = "resets received are not counted"},
};

feature_set feature_set_full(void)
{
	feature_set set = 0;

	for (int i = 0; i < FEATURES; i++)
		set |= (feature_set)feature_infos[i].full << i;
	return set;
}

feature_set feature_set_stacks(void)
{
	return 1u << FEATURE_ACCEPT_STACKS | 1u << FEATURE_GO_REQUESTS | 1u << FEATURE_GO_STARTS;
}

bool feature_is_optional(enum feature feature)
{
	return feature == FEATURE_FORKS || feature_has(feature_set_stacks(), feature);
}

bool feature_is_missing(feature_set set, enum feature feature)
{
	if (feature_has(set, feature) || feature_is_optional(feature))
		return false;
	return feature != FEATURE_CLOSES || !feature_has(set, FEATURE_ACCEPT);
}

bool feature_any_missing(feature_set set)
{
	for (int i = 0; i < FEATURES; i++)
		if (feature_is_missing(set, (enum feature)i))
			return true;
	return false;
}

const char *feature_mode(feature_set set)
{
	return set & feature_set_full() ? "full" : "tracepoints";
}
