// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* pool-thrash: a client's pool is too small: it closes connections that it opens again at once. */
#include "finding_rule.h"
#include "units.h"

/* Several a second in the last half minute, and not all at one time: a pool that shrinks after a
 * busy time is as it should be, and so is a health check a second. */
#define CLOSED 100
#define BUSY   3

/* A pool there is if connections are kept: for longer than a request takes, */
#define KEPT_NS (10 * NS_PER_S)
/* ... and for many times longer than those live that are closed. Who keeps none (ab, a loop of curl)
 * does not mean to. */
#define KEPT_LIVES 10
/* ... which is not long: a pool that renews its connections now and then is as it should be. */
#define SHORT_NS (5 * NS_PER_S)

/* The pool is too small if at least twice as many are open at once, and some more than one other. */
#define AT_ONCE_FACTOR 2
#define AT_ONCE_MORE   5

/* Each costs a round trip or three, and a port for a minute. */
#define WARNING_PER_SECOND 10

enum { NOW_KEPT };

static void changed(struct finding_look *look, const struct change *change)
{
	bool by_client = change->to == TCP_FIN_WAIT1 || change->cause == CAUSE_ABORT ||
			 change->cause == CAUSE_RESET_SENT;

	if (change->role != ROLE_CLIENT || !change->owner)
		return;
	if (change->to == TCP_ESTABLISHED)
		peer_use_opened(look->peers, change->owner, change->flow, change->time_ns);
	else if (change->from == TCP_ESTABLISHED)
		peer_use_ended(look->peers, change->owner, change->flow, change->time_ns,
			       change->lifetime_ns, by_client);
}

static bool is_suspect(const struct peer_sum *sum)
{
	return sum->all.closed >= CLOSED && sum->all.opened >= CLOSED && sum->busy >= BUSY &&
	       sum->all.timed && sum->all.lifetime_ns / sum->all.timed <= SHORT_NS;
}

static bool begin(struct finding_look *look)
{
	struct peer *peer = NULL;
	bool some = false;

	while ((peer = peer_use_next(look->peers, peer))) {
		struct peer_sum sum = peer_sum(peer, look->now_ns);

		peer->suspect = is_suspect(&sum);
		peer->counted = 0;
		peer->kept = 0;
		peer->oldest_ns = 0;
		peer->process = NULL;
		some |= peer->suspect;
	}
	return some;
}

static void count(struct finding_look *look, const struct tcp_socket *socket)
{
	struct peer *peer = peer_use_find(look->peers, socket->owner, &socket->flow);
	uint64_t age_ns = look->now_ns > socket->since_ns ? look->now_ns - socket->since_ns : 0;

	if (!peer || !peer->suspect)
		return;
	peer->process = socket->owner;
	peer->counted++;
	peer->kept += age_ns >= KEPT_NS;
	if (age_ns > peer->oldest_ns)
		peer->oldest_ns = age_ns;
}

static void others(struct finding_look *look)
{
	const struct tcp_socket *socket;
	struct peer *peer = NULL;
	uint32_t position = 0;

	if (!begin(look))
		return;
	while ((socket = socket_table_next(look->tracker->sockets, &position)))
		if (socket->state == TCP_ESTABLISHED && socket->role != ROLE_SERVER &&
		    socket->owner && !socket->hidden)
			count(look, socket);
	while ((peer = peer_use_next(look->peers, peer))) {
		struct subject *subject;

		if (!peer->suspect)
			continue;
		peer->open = peer->counted; /* records may have been lost */
		if (!peer->kept)
			continue;
		subject = subjects_get(look->subjects, FINDING_POOL_THRASH, peer->process,
				       PLACE_REMOTE, &peer->flow);
		if (subject)
			subject->now[NOW_KEPT] = peer->kept;
	}
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	uint64_t kept = subject->now[NOW_KEPT], lifetime_ns;
	const struct peer *peer;
	struct peer_sum sum;
	double seconds;

	if (!kept || !subject->process)
		return false;
	peer = peer_use_find(look->peers, subject->process, &subject->flow);
	if (!peer)
		return false;
	sum = peer_sum(peer, look->now_ns);
	lifetime_ns = sum.all.lifetime_ns / sum.all.timed;
	if (peer->oldest_ns < lifetime_ns * KEPT_LIVES || sum.all.most < kept * AT_ONCE_FACTOR ||
	    sum.all.most < kept + AT_ONCE_MORE)
		return false;
	seconds = (double)sum.over_ns / (double)NS_PER_S;
	finding->severity = sum.all.closed >= WARNING_PER_SECOND * seconds ? SEVERITY_WARNING
									   : SEVERITY_INFO;
	finding_rate(finding, "opened", EVIDENCE_PER_SECOND, sum.all.opened / seconds);
	finding_rate(finding, "closed", EVIDENCE_PER_SECOND, sum.all.closed / seconds);
	finding_duration(finding, "lifetime", lifetime_ns, false);
	finding_count(finding, "at_once", sum.all.most);
	finding_count(finding, "kept", kept);
	finding_rate(finding, "kept_share", EVIDENCE_PERCENT, 100.0 * (double)kept / sum.all.most);
	finding_duration(finding, "oldest_kept", peer->oldest_ns, false);
	return true;
}

const struct finding_rule finding_pool_thrash = {
	.id = FINDING_POOL_THRASH,
	.says = "The pool keeps a few connections open; all others are closed and opened again at once.",
	.advice =
		"Let the pool keep as many idle connections to one peer as are in use at once: Go's "
		"http.Transport.MaxIdleConnsPerHost (2 if it is not set), nginx's keepalive, max idle "
		"of database pools. Read each answer to its end and close its body, or the connection "
		"cannot be used again. \"ss -tnp dst PEER\" shows them.",
	.changed = changed,
	.others = others,
	.judge = judge,
};
