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
 * A line of a log is an object whose "type" is one of these.
 *
 * Records of the ring buffer:
 * "transition", "fork"	  as in bpf/event.h
 * "ended"		  the process "task" ends (EVENT_EXIT)
 * "accept"		  accept() took a connection
 * "mini"		  the end of a TIME_WAIT or FIN_WAIT2; "what" is ended, timed or refused
 * "request"		  the end of a SYN_RECV; "what" is dropped or completed
 * "segment"		  a retransmission or a reset; "what" is repeated, synack_repeated,
 *			  reset_sent or reset_received
 * "stack"		  the stack that made a socket; "how" is connect, accept or request;
 *			  "frames" are addresses in hex ("0x401234"), innermost first
 * "raw"		  a record that consists of the bytes "hex", which may be wrong
 *
 * A scan of the sockets:
 * "scan"		  its head; the scan_fd, scan_socket and scan_mini lines that follow belong
 *			  to it. "duration_ns"; "error", the errno with which it failed; "seen"
 *			  [netns...], the only namespaces whose tables could be read; "unseen"
 *			  [netns...], the others that exist, if that is known
 * "scan_fd"		  a socket, and a descriptor "fd" of "task" that holds it; "tid", where
 *			  it is that of a thread with descriptors of its own
 * "scan_socket"	  a socket in the tables of the kernel; "listener" is the listener in whose
 *			  accept queue it was found
 * "scan_mini"		  a mini-socket there: "age_us", "left_ticks" and "retransmits"
 *
 * What holds from then on:
 * "features"		  "has" [names...] of model/feature.h that the kernel has, besides those of
 *			  mode tracepoints; only in the first line
 * "ledger"		  what was lost so far: "ring_full", "recursion" (of interrupts, but for
 *			  those "aside": model/ledger.h); "seen", by default the number of
 *			  records that were drained or lost
 * "clock"		  the clocks: "monotonic_to_wall_ns", "boottime_to_wall_ns"; the kernel's
 *			  tick, "tick_ns"
 * "settings"		  sysctls of the network namespace "netns", by the names of
 *			  model/net_settings.h; the others have their defaults
 * "limit"		  the most "descriptors" of the process "pid"; without a line, 1024
 * "symbol"		  the names of the address "ip" ("0x7f00") in all processes: "frames"
 *			  [{"function", "offset", "file", "line", "module", "build_id"}...], the
 *			  inlined functions first; "after_ns", how long it takes to find them;
 *			  "short": 1, if stacks with it end for want of a frame pointer
 * "exit"		  the process "pid" has exited
 * "end"		  the end of the replay
 *
 * Every line has a time, "time_ns" or (easier to read) "at": "1.5s"; without one, it has the time
 * of the line before. The names of the other fields are those of bpf/event.h. A missing field is 0,
 * except:
 *
 * - "socket" (the cookie in hex) is required. netns, family, "local" and "remote" ("addr:port",
 *   "[v6]:port"), "from" and "state" are those of the socket's last line.
 * - "task" is {"pid", "start_ns" (default: pid in ms), "comm" or "comm_hex"}; a pid alone stands
 *   for the process that a line before has described with this pid.
 * - "flags" (actor, sk_socket, dead, done, linger, linger2_neg, kern_sock, keepalive, exiting,
 *   closer, redirected, connected, acked, sent_last, received_last) are actor and sk_socket if
 *   there is a task, sk_socket for scan_fd, otherwise none.
 * - "mss", "unacknowledged" and "port_range" belong to transitions to CLOSE, "srtt_us" and
 *   "rto_time_ms" to the others.
 * - "segment" differs for each time; "last_sent_ticks" is one hour in ticks of 4 ms.
 * - "state" of a mini is TIME_WAIT, and of a synack_repeated SYN_RECV; the latter has the
 *   "socket" of the listener, and "local" and "remote" of its own.
 */
enum replay_type {
	REPLAY_RECORD,	    /* transition, fork, ended, accept, mini, request, segment, raw */
	REPLAY_STACK,	    /* stack: also a ring record, but long */
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
	uint32_t error;	  /* errno; 0: none */
	bool some_unseen; /* only `seen` was read */
	bool others_gone; /* besides `seen` and `unseen` */
	uint32_t seen_count;
	uint32_t seen[REPLAY_SEEN_MAX];
	uint32_t unseen_count;
	uint32_t unseen[REPLAY_SEEN_MAX];
};

struct replay_ledger {
	bool seen_given;
	uint64_t seen;
	uint64_t ring_full;
	uint64_t recursion;
	uint64_t aside;
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
	size_t size;	    /* of the record in bytes */
	size_t next_change; /* REPLAY_SCAN_RECORD: the item that outdates it; 0: none */
	uint64_t listener;  /* REPLAY_SCAN_RECORD: in its accept queue; 0: in none */
	union {
		struct event_transition transition;
		struct event_fork fork;
		struct event_exit ended;
		struct event_accept accept;
		struct event_mini mini;
		struct event_request request;
		struct event_segment segment;
		struct event_scan scan_record;
		struct event_stack *stack; /* REPLAY_STACK; owned by the item */
		feature_set features;
		unsigned char wire[REPLAY_RAW_MAX];
		struct replay_scan scan;
		struct replay_ledger ledger;
		struct replay_clock clock;
		struct replay_settings settings;
		uint64_t descriptors;	      /* REPLAY_LIMIT */
		struct replay_symbol *symbol; /* REPLAY_SYMBOL; owned by the item */
	};
};

/* A hundred years, as for all durations. Sums of a few such times or counts do not overflow. */
#define REPLAY_TIME_MAX	 (36525ULL * 86400 * 1000000000)
#define REPLAY_COUNT_MAX (1ULL << 60)

/* The clock before a "clock" line: time 0 is 2026-01-01, and the tick is that of HZ=250. */
#define REPLAY_CLOCK_DEFAULT                                                                       \
	((struct replay_clock){.clock = {.monotonic_to_wall_ns = 1767225600LL * 1000000000,        \
					 .boottime_to_wall_ns = 1767225600LL * 1000000000},        \
			       .tick_ns = 4000000})

/* The features of a kernel that refuses fentry programs. */
#define REPLAY_FEATURES_DEFAULT                                                                    \
	(1u << FEATURE_TRANSITIONS | 1u << FEATURE_DESCRIPTORS | 1u << FEATURE_TABLES |            \
	 1u << FEATURE_NAMESPACES | 1u << FEATURE_CLOSES | 1u << FEATURE_FORKS |                   \
	 1u << FEATURE_RETRANSMITS | 1u << FEATURE_SYNACKS | 1u << FEATURE_RESETS_SENT |           \
	 1u << FEATURE_RESETS_RECEIVED)

/*
 * Parses a line without its newline. A line without a time gets last_ns. Returns 0, -EINVAL and
 * *error for a wrong line, or -ENOMEM. In all cases the caller frees what *item holds with
 * replay_item_clear().
 */
int replay_item_parse(struct replay_item *item, const char *line, size_t length, uint64_t last_ns,
		      struct replay_memory *memory, struct replay_error *error);

void replay_item_clear(struct replay_item *item);

#endif
