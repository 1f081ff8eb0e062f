/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_REPLAY_RECORD_H
#define TCPWATCH_REPLAY_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "event.h"
#include "model/feature.h"
#include "model/ledger.h"
#include "model/net_settings.h"
#include "replay/field.h"
#include "replay/memory.h"
#include "replay/symbol.h"

/*
 * One line of a log: an object whose "type" is one of these.
 *
 * "transition", "fork"	  a ring record
 * "accept"		  one, of an accept()
 * "mini"		  one, of what became of a TIME_WAIT or FIN_WAIT2: "what" is ended, timed or
 *			  refused
 * "request"		  one, of what became of a SYN_RECV: "what" is dropped or completed
 * "segment"		  one, of a segment that tells of trouble: "what" is repeated,
 *			  synack_repeated, reset_sent or reset_received
 * "stack"		  one, of where a socket was made: "how" is connect or accept, "frames" are
 *			  addresses in hex ("0x401234"), innermost first
 * "raw"		  a ring record as the bytes "hex", which need make no sense
 * "scan"		  a look at the kernel, made of the scan_fd, scan_socket and scan_mini lines
 *			  behind it: "duration_ns" that it took, "error" (errno) by which it failed,
 *			  "seen" [netns...] of which alone the tables could be read
 * "scan_fd"		  a socket and a descriptor "fd" of "task" that holds it
 * "scan_socket"	  a socket in the kernel's tables
 * "scan_mini"		  a mini-socket there: "age_us", "left_ticks" and "retransmits"
 * "features"		  "has" [names...] of model/feature.h that the kernel tells, besides those
 *of the tracepoints mode; only as the first line "ledger"		  what was lost so far:
 *"ring_full", "recursion"; "seen" if it is not the records handed over and the lost ones "clock"
 *how the clocks relate: "monotonic_to_wall_ns", "boottime_to_wall_ns"; the kernel's tick, "tick_ns"
 * "settings"		  sysctls of the network namespace "netns", by the names of
 *			  model/net_settings.h, that hold from then on; those left out are the
 *defaults "limit"		  the process "pid" may have "descriptors", from then on; 1024
 *without "symbol"		  the names of the address "ip" ("0x7f00") in all processes:
 *"frames"
 *[{"function", "offset", "file", "line", "module", "build_id"}...], the inlined functions first;
 *"after_ns": so long it takes to find them; "short": 1 where stacks with it end for want of a frame
 *pointer "exit"		  the process "pid" ended "end"		  nothing more: the replay
 *ends then
 *
 * All have a time, "time_ns" or (for people) "at": "1.5s"; without, it is the time of the line
 * before. The names of the other fields are those of bpf/event.h. A field that is missing is 0,
 * but:
 *
 * - "socket" (the cookie in hex) is always there; netns, family, "local" and "remote" ("addr:port",
 *   "[v6]:port"), "from" and "state" are as the socket's last line left them.
 * - "task" is {"pid", "start_ns" (default: pid in ms), "comm" or "comm_hex"}; the pid alone stands
 *   for the process last written so.
 * - "flags" (actor, sk_socket, dead, done, linger, linger2_neg, kern_sock, keepalive, exiting) are
 *   actor and sk_socket where there is a task, sk_socket for scan_fd, else none.
 * - "segment" is another one for each time; "last_sent_ticks" is an hour of 4 ms ticks.
 * - "state" of a mini is TIME_WAIT, of a synack_repeated SYN_RECV; the latter has the listener's
 *   "socket" and its own "local" and "remote".
 */
enum replay_type {
	REPLAY_RECORD,	    /* transition, fork, accept, mini, request, segment, raw */
	REPLAY_STACK,	    /* likewise, and long: stack */
	REPLAY_SCAN,	    /* the head of a scan */
	REPLAY_SCAN_RECORD, /* scan_fd, scan_socket, scan_mini */
	REPLAY_FEATURES,
	REPLAY_LEDGER,
	REPLAY_CLOCK,
	REPLAY_SETTINGS,
	REPLAY_LIMIT,
	REPLAY_SYMBOL,
	REPLAY_EXIT,
	REPLAY_END
};

#define REPLAY_RAW_MAX	160
#define REPLAY_SEEN_MAX 16

struct replay_scan {
	uint64_t duration_ns;
	uint32_t error;	  /* errno, 0 = none */
	bool some_unseen; /* all but `seen` */
	uint32_t seen_count;
	uint32_t seen[REPLAY_SEEN_MAX];
};

struct replay_ledger {
	bool seen_given;
	uint64_t seen;
	uint64_t ring_full;
	uint64_t recursion;
};

struct replay_settings {
	uint32_t netns;
	struct net_settings settings;
};

struct replay_clock {
	struct clock clock;
	uint64_t tick_ns;
};

struct replay_item {
	enum replay_type type;
	uint32_t pid;	    /* REPLAY_LIMIT, REPLAY_EXIT */
	uint64_t time_ns;   /* CLOCK_MONOTONIC, at most REPLAY_TIME_MAX */
	size_t size;	    /* of what is in `wire`, or of the stack */
	size_t next_change; /* REPLAY_SCAN_RECORD: the item by which it is out of date; 0: none */
	union {
		struct event_transition transition;
		struct event_fork fork;
		struct event_accept accept;
		struct event_mini mini;
		struct event_request request;
		struct event_segment segment;
		struct event_scan scan_record;
		struct event_stack *stack; /* REPLAY_STACK; the item's own */
		feature_set features;
		unsigned char wire[REPLAY_RAW_MAX];
		struct replay_scan scan;
		struct replay_ledger ledger;
		struct replay_clock clock;
		struct replay_settings settings;
		uint64_t descriptors;	      /* REPLAY_LIMIT */
		struct replay_symbol *symbol; /* REPLAY_SYMBOL; likewise */
	};
};

/* A hundred years, as for all durations: sums of a few such times or counts do not overflow. */
#define REPLAY_TIME_MAX	 (36525ULL * 86400 * 1000000000)
#define REPLAY_COUNT_MAX (1ULL << 60)

/* What holds until a "clock" says otherwise: time 0 is 2026-01-01, the tick is that of HZ=250. */
#define REPLAY_CLOCK_DEFAULT                                                                       \
	((struct replay_clock){.clock = {.monotonic_to_wall_ns = 1767225600LL * 1000000000,        \
					 .boottime_to_wall_ns = 1767225600LL * 1000000000},        \
			       .tick_ns = 4000000})

/* What a kernel tells that refuses fentry programs. */
#define REPLAY_FEATURES_DEFAULT                                                                    \
	(1u << FEATURE_TRANSITIONS | 1u << FEATURE_DESCRIPTORS | 1u << FEATURE_TABLES |            \
	 1u << FEATURE_CLOSES | 1u << FEATURE_FORKS | 1u << FEATURE_RETRANSMITS |                  \
	 1u << FEATURE_SYNACKS | 1u << FEATURE_RESETS_SENT | 1u << FEATURE_RESETS_RECEIVED)

/*
 * Reads one line, without its newline. Times default to last_ns. Returns 0; -EINVAL and *error if
 * it is wrong; -ENOMEM. The caller frees what it holds, in all cases, with replay_item_clear().
 */
int replay_item_parse(struct replay_item *item, const char *line, size_t length, uint64_t last_ns,
		      struct replay_memory *memory, struct replay_error *error);

void replay_item_clear(struct replay_item *item);

#endif
