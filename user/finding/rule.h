/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_RULE_H
#define TCPWATCH_FINDING_RULE_H

#include "finding/pairs.h"
#include "finding/subject.h"
#include "leak/watch.h"
#include "model/net_settings.h"
#include "finding/peer_use.h"
#include "finding/port_use.h"
#include "model/scan_result.h"
#include "track/tracker.h"

struct finding_watch;

/* What a rule may look at during one look at everything. */
struct finding_look {
	uint64_t now_ns; /* CLOCK_MONOTONIC */
	struct tracker *tracker;
	struct leak_watch *leaks;
	struct subjects *subjects;
	struct port_use *ports;
	struct peer_use *peers;
	/* What rules would have the kernel asked: they add to it, during a look. It is asked when
	 * that costs less than a hundredth of the time. */
	struct scan_request wanted;
	uint64_t tick_ns;	     /* in `record`: length of a kernel tick */
	uint64_t own[FINDINGS];	     /* a number that each rule keeps for itself; 0 at first */
	struct finding_pairs *pairs; /* close-wait-leak: empty at the beginning of a look */
	struct finding_watch *watch;
};

/*
 * One rule of what is wrong, in a file of its own. It is called in this order; each part but
 * `judge` may be missing. Sockets of processes that are not watched, and hidden ones, are left out.
 */
struct finding_rule {
	enum finding_id id;
	const char *says;   /* one sentence: what is wrong */
	const char *advice; /* what to do; a rule can give another one with a finding */
	uint32_t states;    /* bit n: sockets in state n are shown to `socket` */
	uint32_t mini_states;
	/* Any time: a transition from one of these states. Cheap, please. */
	uint32_t from_states; /* bit n: state n */
	void (*changed)(struct finding_look *look, const struct change *change);
	/* Each look: each open socket and mini-socket of those states, with its owner (never NULL:
	 * process_table_unknown()). */
	void (*socket)(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner);
	void (*mini)(struct finding_look *look, const struct mini_socket *mini,
		     struct process *owner);
	/* ... what is known otherwise: leaks, segments. */
	void (*others)(struct finding_look *look);
	/* After a scan that was asked for in look->wanted (or by another rule): each socket once,
	 * by one of its descriptors where it has any. */
	void (*record)(struct finding_look *look, const struct event_scan *record);
	/* ... and when all its records were shown. */
	void (*scanned)(struct finding_look *look);
	/*
	 * Each look, each subject of the rule: is it wrong? Then fills in the finding's severity
	 * and evidence; id, process, place and flow are there, says and advice are the rule's.
	 */
	bool (*judge)(struct finding_look *look, struct subject *subject, struct finding *finding);
};

extern const struct finding_rule finding_close_wait_leak;
extern const struct finding_rule finding_accept_stall;
extern const struct finding_rule finding_time_wait_churn;
extern const struct finding_rule finding_pool_thrash;
extern const struct finding_rule finding_connect_stuck;
extern const struct finding_rule finding_syn_flood;
extern const struct finding_rule finding_fin_wait2_stuck;
extern const struct finding_rule finding_last_ack_stuck;
extern const struct finding_rule finding_dead_peer;
extern const struct finding_rule finding_reset_storm;

/* The settings of a network namespace, not older than half a minute; NULL where they cannot be
 * read. */
const struct net_settings *finding_look_settings(struct finding_look *look, uint32_t netns);

/* The tables' view of a record's socket: NULL where it is unknown, hidden or not watched. */
const struct tcp_socket *finding_look_socket(const struct finding_look *look,
					     const struct event_scan *record);

/* How many descriptors a process may have, UINT64_MAX = any number; 0 where that is not known. */
uint64_t finding_look_descriptors(struct finding_look *look, const struct process *process);

/* Its owner, or the unknown process, where it is to be counted; NULL where it is not watched. */
struct process *finding_look_owner(const struct finding_look *look, const struct process *owner);

#endif
