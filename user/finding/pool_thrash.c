// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* pool-thrash: a client's pool is too small: it closes connections and opens them again at once. */
#include "finding/rule.h"
#include "base/units.h"

/* How many connections the client must have closed in the last 30 s, and in how many slots of 5 s.
 * A pool that shrinks after a busy time is normal, and so is one health check per second. */
#define CLOSED 100
#define BUSY   3

/* From this many closed connections on, those that are older than tcpwatch are counted too. */
#define COUNTED 10

/* There is a pool if the same connections stay open for this time and for this many times the mean
 * lifetime of the closed ones. */
#define KEPT_NS	   (10 * NS_PER_S)
#define KEPT_LIVES 10
/* There is also a pool if the same number stayed open in this many quiet pauses, in this many
 * slots. A client that keeps no connections at all (ab, curl in a loop) has no pool and may intend
 * that. */
#define QUIET 5
#define CALM  3
/* The maximum of the mean lifetime: a pool that renews its connections now and then is normal. */
#define SHORT_NS (5 * NS_PER_S)

/* The pool is too small if the peak of open connections is this many times what it keeps, and this
 * many more. */
#define AT_ONCE_FACTOR 2
#define AT_ONCE_MORE   5

/* From this rate on the severity is warning: each connection costs one to three round trips, and a
 * port for a minute. */
#define WARNING_PER_SECOND 10

enum { NOW_KEPT };

static void changed(struct finding_look *look, const struct change *change)
{
	bool by_client = change->to == TCP_FIN_WAIT1 || change->cause == CAUSE_ABORT ||
			 change->cause == CAUSE_RESET_SENT;

	if (change->role == ROLE_SERVER || !change->owner)
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

/* Prepares all peers. Returns whether the sockets of any of them must be counted. */
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
		some |= peer->suspect || (!peer->synced && sum.all.closed >= COUNTED);
	}
	return some;
}

static void count(struct finding_look *look, const struct tcp_socket *socket)
{
	struct peer *peer = peer_use_find(look->peers, socket->owner, &socket->flow);
	uint64_t age_ns = look->now_ns > socket->since_ns ? look->now_ns - socket->since_ns : 0;

	if (!peer)
		return;
	peer->process = socket->owner;
	peer->counted++;
	peer->kept += age_ns >= KEPT_NS;
	if (age_ns > peer->oldest_ns)
		peer->oldest_ns = age_ns;
}

/* How many connections the pool keeps; 0 if there is no pool. */
static uint32_t kept_of(const struct peer *peer, uint64_t now_ns)
{
	struct peer_sum sum = peer_sum(peer, now_ns);
	uint64_t lifetime_ns = sum.all.lifetime_ns / sum.all.timed;

	if (peer->kept && peer->oldest_ns >= lifetime_ns * KEPT_LIVES)
		return peer->kept;
	if (sum.all.quiet >= QUIET && sum.calm >= CALM && sum.all.quiet_least == sum.all.quiet_most)
		return sum.all.quiet_least;
	return 0;
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

		peer->open = peer->counted;
		peer->synced = true;
		if (!peer->suspect || !peer->process)
			continue;
		subject = subjects_get(look->subjects, FINDING_POOL_THRASH, peer->process,
				       PLACE_REMOTE, &peer->flow);
		if (subject)
			subject->now[NOW_KEPT] = kept_of(peer, look->now_ns);
	}
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	uint64_t kept = subject->now[NOW_KEPT];
	const struct peer *peer;
	struct peer_sum sum;
	double seconds;

	if (!kept || !subject->process)
		return false;
	peer = peer_use_find(look->peers, subject->process, &subject->flow);
	if (!peer)
		return false;
	sum = peer_sum(peer, look->now_ns);
	if (sum.all.most < kept * AT_ONCE_FACTOR || sum.all.most < kept + AT_ONCE_MORE)
		return false;
	seconds = (double)sum.over_ns / (double)NS_PER_S;
	finding->severity =
		sum.all.closed >= WARNING_PER_SECOND * seconds ? SEVERITY_WARNING : SEVERITY_INFO;
	finding_rate(finding, "opened", EVIDENCE_PER_SECOND, sum.all.opened / seconds);
	finding_rate(finding, "closed", EVIDENCE_PER_SECOND, sum.all.closed / seconds);
	finding_duration(finding, "lifetime", sum.all.lifetime_ns / sum.all.timed, false);
	finding_count(finding, "at_once", sum.all.most);
	finding_count(finding, "kept", kept);
	finding_rate(finding, "kept_share", EVIDENCE_PERCENT, 100.0 * (double)kept / sum.all.most);
	return true;
}

const struct finding_rule finding_pool_thrash = {
	.id = FINDING_POOL_THRASH,
	.says = "The connection pool is too small: it keeps a few connections open, and closes "
		"and reopens all others.",
	.advice = "Let the pool keep as many idle connections to one peer as are in use at the "
		  "same time: MaxIdleConnsPerHost of Go's http.Transport (default 2), keepalive "
		  "of nginx, or the maximum of idle connections of a database pool. Read each "
		  "response to its end and close its body; otherwise the connection cannot be "
		  "reused. \"ss -tnp dst PEER\" lists the connections.",
	.from_states = 1u << TCP_SYN_SENT | 1u << TCP_SYN_RECV | 1u << TCP_ESTABLISHED,
	.changed = changed,
	.others = others,
	.judge = judge,
};
