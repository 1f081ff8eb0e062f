// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * reset-storm: connections end in RST, not in FIN, before both sides have what they want.
 *
 * Resets that take nothing away (track/reset_loss.h) are counted apart: many healthy programs end
 * their connections so.
 */
#include <string.h>

#include "finding/rule.h"
#include "base/units.h"

/* A few broken clients are normal. */
#define PER_SECOND 5
/* On healthy hosts a part of all connections ends in a reset, since many TLS clients close before
 * they have read the server's last record. It is a storm if most connections do. */
#define SHARE_PERCENT 50
/* A program that exits may reset all of its connections at once. Therefore it takes PER_SECOND
 * resets in each second for this long. */
#define LASTS_NS (10 * NS_PER_S)
/* Pauses up to this length do not end a storm. */
#define PAUSES_NS (3 * NS_PER_S)

/* ever[], since the storm began: resets by direction, without those that took nothing away; of
 * these, those that lost data, and those of SO_LINGER; the resets that took nothing away; all
 * connections that ended; when it began, when there were last PER_SECOND resets, the resets at the
 * last look, and the time of that look. */
enum {
	SENT,
	RECEIVED,
	LOST_DATA,
	ABORTS,
	HARMLESS,
	ENDED,
	SINCE,
	BUSY_AT,
	COUNTED,
	LOOKED_AT,
};

/* trends[] */
enum { RESETS_OVER_TIME, ENDS_OVER_TIME };

enum kind { NORMAL, IS_SENT, IS_RECEIVED };

/* CAUSE_REFUSED does not count, since there was no connection. Many healthy clients try "localhost"
 * at ::1 first and are refused there. */
static enum kind kind_of(enum cause cause)
{
	switch (cause) {
	case CAUSE_RESET_SENT:
	case CAUSE_ABORT:
		return IS_SENT;
	case CAUSE_RESET_RECEIVED:
		return IS_RECEIVED;
	default:
		return NORMAL;
	}
}

/* Without those that took nothing away. */
static uint64_t resets_of(const struct subject *subject)
{
	return subject->ever[SENT] + subject->ever[RECEIVED];
}

/* Whether a connection ended by this. */
static bool ends(const struct change *change)
{
	return change->to == TCP_CLOSE || change->to == TCP_TIME_WAIT;
}

/* The place is the listener's address for a server and the peer for a client. Only a reset creates
 * a subject, since there may be as many peers as connections. */
static struct subject *subject_of(struct finding_look *look, const struct change *change,
				  struct process *owner, bool reset)
{
	enum finding_place place = change->role == ROLE_SERVER ? PLACE_LOCAL : PLACE_REMOTE;
	struct flow flow = *change->flow;

	if (change->role == ROLE_UNKNOWN)
		flow.remote_port = 0;
	return reset ? subjects_get(look->subjects, FINDING_RESET_STORM, owner, place, &flow)
		     : subjects_find(look->subjects, FINDING_RESET_STORM, owner, place, &flow);
}

static void count(struct subject *subject, const struct change *change, enum kind kind)
{
	subject->ever[ENDED]++;
	if (kind == NORMAL)
		return;
	if (change->loss == RESET_HARMLESS) {
		subject->ever[HARMLESS]++;
		return;
	}
	subject->ever[kind == IS_SENT ? SENT : RECEIVED]++;
	subject->ever[LOST_DATA] += change->loss == RESET_LOST_DATA;
	subject->ever[ABORTS] += change->cause == CAUSE_ABORT;
}

static void changed(struct finding_look *look, const struct change *change)
{
	struct subject *subject;
	struct process *owner;
	enum kind kind;
	bool storm;

	if (!ends(change))
		return;
	kind = kind_of(change->cause);
	storm = kind != NORMAL && change->loss != RESET_HARMLESS;
	if (!storm && !subjects_any(look->subjects, FINDING_RESET_STORM))
		return;
	owner = finding_look_owner(look, change->owner);
	subject = owner ? subject_of(look, change, owner, storm) : NULL;
	if (subject)
		count(subject, change, kind);
}

static const char *advice_of(const struct subject *subject)
{
	bool sent = subject->ever[SENT] > subject->ever[RECEIVED];

	if (sent && subject->ever[ABORTS] * 2 > subject->ever[SENT])
		return "This process resets them: it sets SO_LINGER with a time of 0, so that "
		       "close() aborts the connection. Let it finish the exchange first: send the "
		       "answer or read it, then close without SO_LINGER. Do not use SO_LINGER "
		       "against TIME_WAIT.";
	if (sent)
		return "This process resets them: it closes sockets with unread data, or receives "
		       "data after close(). Let it read to the end, or call shutdown(SHUT_WR) and "
		       "read until 0 before close(). \"nstat -az TcpExtTCPAbortOnClose "
		       "TcpExtTCPAbortOnData\" names the cause: the first counts closes with "
		       "unread data, the second data after close() (and SO_LINGER).";
	if (subject->place == PLACE_LOCAL)
		return "The peer resets them: clients give up before the answer has come, do not "
		       "read it to its end, set SO_LINGER with a time of 0, or crash. \"tcpwatch "
		       "-t\" shows how long each connection was open before reset_received: if "
		       "that is always the same time, the clients' timeout is shorter than this "
		       "server's answers take.";
	return "The peer resets them: its program closes sockets with unread data, sets "
	       "SO_LINGER with a time of 0, or crashes. Or a proxy, load balancer or firewall "
	       "on the path ends idle connections: then make this side's idle timeout shorter "
	       "than its own. \"tcpwatch -t\" shows how long each connection was open before "
	       "reset_received.";
}

static void storm_end(struct subject *subject)
{
	memset(subject->ever, 0, sizeof(subject->ever));
	memset(subject->trends, 0, sizeof(subject->trends));
}

/* Whether the storm continues: there were enough resets per second, but for short pauses. */
static bool goes_on(const struct finding_look *look, struct subject *subject)
{
	uint64_t resets = resets_of(subject);
	uint64_t passed_ns = look->now_ns - subject->ever[LOOKED_AT];
	bool busy = (resets - subject->ever[COUNTED]) * NS_PER_S >= PER_SECOND * passed_ns;

	/* The first look does not know when the first reset came. */
	if (!subject->ever[LOOKED_AT])
		busy = resets >= PER_SECOND;
	subject->ever[COUNTED] = resets;
	subject->ever[LOOKED_AT] = look->now_ns;
	if (busy) {
		if (!subject->ever[SINCE])
			subject->ever[SINCE] = look->now_ns;
		subject->ever[BUSY_AT] = look->now_ns;
	}
	return subject->ever[BUSY_AT] && subject->ever[BUSY_AT] + PAUSES_NS >= look->now_ns;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	uint64_t lasts_ns, ended_over_ns;
	double rate, ended_rate;

	if (!goes_on(look, subject)) {
		storm_end(subject);
		return false;
	}
	trend_add(&subject->trends[RESETS_OVER_TIME], look->now_ns, resets_of(subject));
	trend_add(&subject->trends[ENDS_OVER_TIME], look->now_ns, subject->ever[ENDED]);
	rate = trend_per_second(&subject->trends[RESETS_OVER_TIME], LASTS_NS, NULL);
	ended_rate = trend_per_second(&subject->trends[ENDS_OVER_TIME], LASTS_NS, &ended_over_ns);
	lasts_ns = subject->ever[BUSY_AT] - subject->ever[SINCE];
	if (lasts_ns < LASTS_NS || rate < PER_SECOND || rate * 100 < ended_rate * SHARE_PERCENT)
		return false;
	finding->severity = SEVERITY_WARNING;
	finding->advice = advice_of(subject);
	if (!subject->ever[LOST_DATA])
		finding->says = "Connections are reset before they are answered, second after "
				"second.";
	finding_rate(finding, "rate", EVIDENCE_PER_SECOND, rate);
	finding_rate(finding, "share_of_ends", EVIDENCE_PERCENT, rate * 100 / ended_rate);
	finding_count(finding, "sent", subject->ever[SENT]);
	finding_count(finding, "received", subject->ever[RECEIVED]);
	finding_count(finding, "lost_data", subject->ever[LOST_DATA]);
	finding_count(finding, "unanswered", resets_of(subject) - subject->ever[LOST_DATA]);
	finding_count(finding, "harmless", subject->ever[HARMLESS]);
	finding_duration(finding, "lasts", lasts_ns, true);
	return true;
}

const struct finding_rule finding_reset_storm = {
	.id = FINDING_RESET_STORM,
	.says = "Connections end in resets, second after second, and data is lost with them.",
	.advice = "", /* advice_of() */
	.from_states =
		~(1u << TCP_LISTEN | 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV | 1u << TCP_TIME_WAIT),
	.changed = changed,
	.judge = judge,
};
