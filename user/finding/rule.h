/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_RULE_H
#define TCPWATCH_FINDING_RULE_H

#include "finding/look.h"

/*
 * One kind of finding, in a file of its own. The functions are called in this order; all but
 * `judge` may be NULL. Hidden sockets, and those of processes that are not watched, are left out.
 */
struct finding_rule {
	enum finding_id id;
	const char *says;   /* one sentence: what is wrong */
	const char *advice; /* what to do; a rule may replace it in a finding */
	uint32_t states;    /* bit n: `socket` gets sockets in state n */
	uint32_t mini_states;
	/* Between looks: a transition from one of these states. It must be cheap. */
	uint32_t from_states; /* bit n: state n */
	void (*changed)(struct finding_look *look, const struct change *change);
	/* First half of a look: each open socket and mini-socket of those states, with its owner
	 * (never NULL: process_table_unknown()). */
	void (*socket)(struct finding_look *look, const struct tcp_socket *socket,
		       struct process *owner);
	/* `socket` also gets those whose owner is not known, or only guessed from a listener, where
	 * that process is not watched: they may wait for one that is. */
	bool guessed;
	void (*mini)(struct finding_look *look, const struct mini_socket *mini,
		     struct process *owner);
	/* ... and what no socket shows: leaks, segments. Last chance to add to look->wanted. */
	void (*others)(struct finding_look *look);
	/* Second half, after a scan that this rule or another one wanted: each socket once, by one
	 * of its descriptors where it has any. */
	void (*record)(struct finding_look *look, const struct event_scan *record);
	/* ... after the last record. */
	void (*scanned)(struct finding_look *look);
	/*
	 * Second half, for each subject of the rule: returns whether it is wrong, and if so fills
	 * in the finding's severity and evidence. id, process, place and flow are filled in
	 * already; says and advice are the rule's.
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
extern const struct finding_rule finding_descriptor_leak;

#endif
