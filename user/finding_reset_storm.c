// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* reset-storm: connections end in RST, not FIN. */
#include "finding_rule.h"
#include "units.h"

/* A program that ends resets what it has open, at once; a storm goes on for longer than that. */
#define LASTS_NS  (10 * NS_PER_S)
#define PAUSES_NS (3 * NS_PER_S)
/* A few broken clients are part of the internet. */
#define PER_SECOND 2
/* ... and so is a small share of connections that are reset. */
#define SHARE_PERCENT 20

enum { SENT, RECEIVED, REFUSED, ENDED, FIRST_NS, LAST_NS }; /* ever, in this storm */

enum kind { NORMAL, IS_SENT, IS_RECEIVED, IS_REFUSED };

static enum kind kind_of(enum cause cause)
{
	switch (cause) {
	case CAUSE_RESET_SENT:
	case CAUSE_ABORT:
		return IS_SENT;
	case CAUSE_RESET_RECEIVED:
		return IS_RECEIVED;
	case CAUSE_REFUSED:
		return IS_REFUSED;
	default:
		return NORMAL;
	}
}

static bool ends(const struct change *change)
{
	return (change->to == TCP_CLOSE || change->to == TCP_TIME_WAIT) &&
	       change->from != TCP_TIME_WAIT && change->from != TCP_LISTEN;
}

/* Made by a reset only: there may be as many peers as connections. */
static struct subject *subject_of(struct finding_look *look, const struct change *change,
				  struct process *owner, bool reset)
{
	enum finding_place place = change->role == ROLE_SERVER ? PLACE_LOCAL : PLACE_REMOTE;

	return reset ? subjects_get(look->subjects, FINDING_RESET_STORM, owner, place, change->flow)
		     : subjects_find(look->subjects, FINDING_RESET_STORM, owner, place,
				     change->flow);
}

static void storm_begin(struct subject *subject, uint64_t time_ns)
{
	subject->ever[SENT] = 0;
	subject->ever[RECEIVED] = 0;
	subject->ever[REFUSED] = 0;
	subject->ever[ENDED] = 0;
	subject->ever[FIRST_NS] = time_ns;
}

static void changed(struct finding_look *look, const struct change *change)
{
	enum kind kind = kind_of(change->cause);
	struct process *owner = finding_look_owner(look, change->owner);
	struct subject *subject;

	if (!owner || !ends(change))
		return;
	subject = subject_of(look, change, owner, kind != NORMAL);
	if (!subject)
		return;
	subject->ever[ENDED]++;
	if (kind == NORMAL)
		return;
	if (subject->ever[LAST_NS] + PAUSES_NS < change->time_ns) {
		storm_begin(subject, change->time_ns);
		subject->ever[ENDED] = 1;
	}
	subject->ever[LAST_NS] = change->time_ns;
	subject->ever[kind == IS_SENT ? SENT : kind == IS_RECEIVED ? RECEIVED : REFUSED]++;
}

static const char *advice_of(const struct subject *subject)
{
	if (subject->ever[REFUSED] > subject->ever[SENT] + subject->ever[RECEIVED])
		return "Nothing listens there, or the listener is in another network namespace: "
		       "look with ss -tlnp on the peer's side. A program that tries again "
		       "should wait longer each time.";
	if (subject->ever[SENT] > subject->ever[RECEIVED])
		return "This process resets them: it closes with data unread, with SO_LINGER 0, or "
		       "data comes after its close(). Read to the end, or shutdown() first. "
		       "SO_LINGER 0 is no cure for TIME_WAIT: the peer loses data by it.";
	return "The peer resets them: it closes with data unread, has crashed, or a proxy, load "
	       "balancer or firewall between ends idle connections. Compare its idle timeout with "
	       "ours: the side that sends must have the shorter one.";
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	uint64_t resets = subject->ever[SENT] + subject->ever[RECEIVED] + subject->ever[REFUSED];
	uint64_t lasted_ns = subject->ever[LAST_NS] - subject->ever[FIRST_NS];
	double rate, share;

	if (!resets || subject->ever[LAST_NS] + PAUSES_NS < look->now_ns || lasted_ns < LASTS_NS)
		return false;
	rate = (double)resets * (double)NS_PER_S / (double)lasted_ns;
	share = (double)resets * 100 / (double)subject->ever[ENDED];
	if (rate < PER_SECOND || share < SHARE_PERCENT)
		return false;
	finding->severity = SEVERITY_WARNING;
	finding->advice = advice_of(subject);
	finding_rate(finding, "rate", EVIDENCE_PER_SECOND, rate);
	finding_count(finding, "sent", subject->ever[SENT]);
	finding_count(finding, "received", subject->ever[RECEIVED]);
	finding_count(finding, "refused", subject->ever[REFUSED]);
	finding_rate(finding, "share_of_ends", EVIDENCE_PERCENT, share);
	finding_duration(finding, "lasts", lasted_ns, false);
	return true;
}

const struct finding_rule finding_reset_storm = {
	.id = FINDING_RESET_STORM,
	.says = "Connections end in resets, one after the other.",
	.advice = "", /* advice_of() */
	.changed = changed,
	.judge = judge,
};
