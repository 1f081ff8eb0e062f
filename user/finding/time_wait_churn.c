// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * time-wait-churn: connections use up the local ports. Usually short ones do, faster than TIME_WAIT
 * returns their ports; finding/port_holders.c has the words for the others.
 */
#include <arpa/inet.h>
#include <string.h>

#include "finding/port_forecast.h"
#include "finding/port_holders.h"
#include "finding/rule.h"
#include "base/units.h"

/* Below a quarter of the port range there is no scan and no finding. */
#define MUCH_SHARE 4
/* The first scan waits for this long, because it shows more if the churn has lasted for a while and
 * the next scan may not be soon. From half of the range on it does not wait. */
#define SUSPECT_NS   (2 * NS_PER_S)
#define URGENT_SHARE 2
/* Settings are not read for fewer connections than this. */
#define SUSPECT_LEAST 16
/* With -p the watched processes must have at least an eighth of the range. */
#define WATCHED_SHARE 8
/* The time to the next scan if there are many connections, but no pair of ends has many. */
#define QUIET_NS (10 * NS_PER_S)

/* The growth of connections that are not in TIME_WAIT is taken over GROWTH_NS and counts only once
 * WATCHED_NS have passed. */
#define GROWTH_NS  (60 * NS_PER_S)
#define WATCHED_NS (20 * NS_PER_S)

/* From here on connect() takes longer and longer to find a free port. */
#define WARNING_PERCENT 80
/* From here on connect() fails with EADDRNOTAVAIL, or will at any moment. */
#define FULL_PERCENT 99
/* It is critical if the ports run out sooner than somebody can react. */
#define CRITICAL_S 60

/* The age at which the result of a scan is out of date. */
#define STALE_NS (30 * NS_PER_S)

/* From this share on a process is named as the cause. */
#define BLAME_PERCENT 50

/* connect() fails for lack of a port where no pair is known to be short of them: so many times,
 * with pauses of at most this length. */
#define FAILING	   3
#define FAILING_NS (30 * NS_PER_S)
/* It is reported without knowing who holds the ports if the kernel cannot be asked for so long. */
#define UNKNOWN_NS (10 * NS_PER_S)

enum { TREND_HELD };
/* connect() calls that found no port: all; those without a pause, since when, and the last one; the
 * own range of the socket, as in the record. */
enum { EVER_FAILED, FAILED_NOW, FAILED_SINCE, FAILED_AT, FAILED_RANGE };

#define MINI_STATES (1u << TCP_TIME_WAIT | 1u << TCP_FIN_WAIT2)

static const char says_failing[] = "connect() fails: no local port is free for this destination.";
static const char advice_failing[] =
	"Ports that are bound to a socket, and those of net.ipv4.ip_local_reserved_ports, are not free "
	"for connect(). \"ss -tan\" lists the sockets. Use a wider net.ipv4.ip_local_port_range, or "
	"more local addresses.";

static const char says_range[] =
	"connect() fails: the range of local ports that the program has set for its sockets "
	"(IP_LOCAL_PORT_RANGE) has no free port for this destination.";
static const char advice_range[] =
	"Let the program set a wider range. For each destination it needs one port for each "
	"connection that is open, and one for each that has been closed within the last 60 s "
	"(TIME_WAIT). net.ipv4.ip_local_port_range does not help.";

static bool is_loopback(const struct flow *flow)
{
	static const uint8_t v6[EVENT_ADDRESS_LEN] = {[EVENT_ADDRESS_LEN - 1] = 1};

	if (flow->family == AF_INET6)
		return !memcmp(flow->local, v6, sizeof(v6)) ||
		       !memcmp(flow->remote, v6, sizeof(v6));
	return flow->local[0] == 127 || flow->remote[0] == 127;
}

/* Whether connect() may reuse the port after one second in TIME_WAIT: tcp_twsk_unique() in
 * net/ipv4/tcp_ipv4.c. */
static bool is_reusable(const struct net_settings *settings, const struct flow *flow)
{
	return settings->timestamps &&
	       (settings->tw_reuse == 1 || (settings->tw_reuse == 2 && is_loopback(flow)));
}

/* For a local address as a whole, only ports that were bound before connect() count. */
static bool is_much(const struct port_pair *pair)
{
	uint32_t ports = pair->flow.remote_port ? port_pair_in_use(pair) : pair->bound;

	return (uint64_t)ports * MUCH_SHARE >= pair->settings.ports &&
	       (uint64_t)pair->watched * WATCHED_SHARE >= pair->settings.ports;
}

static void suspect(struct finding_look *look, uint32_t netns)
{
	struct port_netns *known = port_use_netns(look->ports, look->now_ns, netns);

	if (known)
		known->clients++;
}

static void count_socket(struct finding_look *look, const struct tcp_socket *socket,
			 struct process *owner)
{
	(void)owner;
	if (socket->role != ROLE_SERVER)
		suspect(look, socket->flow.netns);
}

static void count_mini(struct finding_look *look, const struct mini_socket *mini,
		       struct process *owner)
{
	(void)owner;
	/* Without a record of its end the table keeps a mini-socket for longer than it lives. */
	if (mini->role != ROLE_SERVER &&
	    (!mini->since_known || mini->since_ns + TIME_WAIT_S * NS_PER_S > look->now_ns))
		suspect(look, mini->netns);
}

static bool is_suspect(struct finding_look *look, struct port_netns *known)
{
	const struct net_settings *settings = NULL;

	if (known->clients >= SUSPECT_LEAST)
		settings = finding_look_settings(look, known->netns);
	if (!settings || (uint64_t)known->clients * MUCH_SHARE < settings->ports) {
		known->suspect_ns = 0;
		return false;
	}
	if (!known->suspect_ns)
		known->suspect_ns = look->now_ns;
	return known->quiet_until_ns <= look->now_ns &&
	       (known->suspect_ns + SUSPECT_NS <= look->now_ns ||
		(uint64_t)known->clients * URGENT_SHARE >= settings->ports);
}

static bool is_failing(const struct finding_look *look, const struct subject *subject)
{
	return subject->ever[FAILED_NOW] >= FAILING &&
	       subject->ever[FAILED_AT] + FAILING_NS > look->now_ns;
}

static void want(struct finding_look *look, uint32_t netns)
{
	netns_set_add(&look->wanted.tables, netns);
	look->wanted.mini_states |= MINI_STATES;
}

static void others(struct finding_look *look)
{
	uint64_t scanned_ns = port_use_time(look->ports);
	bool recent = scanned_ns && scanned_ns + QUIET_NS > look->now_ns;
	struct port_netns *known = NULL;
	struct subject *subject = NULL;

	while ((known = port_use_next_netns(look->ports, known)))
		if (is_suspect(look, known)) {
			want(look, known->netns);
			recent = false; /* what is known of other ports goes with the scan */
		}
	while (!recent && (subject = subjects_next(look->subjects, subject)))
		if (subject->id == FINDING_TIME_WAIT_CHURN && is_failing(look, subject))
			want(look, subject->flow.netns);
}

/* The process whose calls fail is named, if it is a single one. */
static void blame_failing(struct subject *subject, struct process *process)
{
	bool first = !subject->ever[FAILED_NOW];

	subject_blame(subject, first || subject->blamed == process ? process : NULL);
}

static void count_failure(struct subject *subject, const struct change *change)
{
	uint64_t *ever = subject->ever;

	ever[EVER_FAILED]++;
	if (!ever[FAILED_NOW]++)
		ever[FAILED_SINCE] = change->time_ns;
	ever[FAILED_AT] = change->time_ns;
	ever[FAILED_RANGE] = change->port_range;
}

/*
 * A connect() failed on this host. Without a local port it found none (EADDRNOTAVAIL of
 * __inet_hash_connect() in net/ipv4/inet_hashtables.c); with one that it was bound to, it may be
 * short of routes as well, so that counts only for ends that are known to be short of ports.
 */
static void count_failed(struct finding_look *look, const struct change *change)
{
	const struct port_pair *pair;
	const struct flow *flow = change->flow;
	struct process *owner = finding_look_owner(look, change->owner);
	struct subject *subject;
	bool much;

	if (change->cause != CAUSE_LOCAL_ERROR)
		return;
	pair = port_use_find(look->ports, change->flow);
	much = pair && is_much(pair);
	if (!much && (flow->local_port || !owner))
		return;
	subject = subjects_get(look->subjects, FINDING_TIME_WAIT_CHURN, NULL, PLACE_PAIR, flow);
	if (!subject)
		return;
	if (subject->ever[FAILED_AT] + FAILING_NS <= change->time_ns)
		subject->ever[FAILED_NOW] = 0;
	if (!much) /* else by who holds the ports */
		blame_failing(subject, owner);
	count_failure(subject, change);
}

static bool is_asked(const struct finding_look *look)
{
	return scan_request_tables(&look->wanted) &&
	       (look->wanted.mini_states & MINI_STATES) == MINI_STATES;
}

/* Full sockets come from the table, which has all of them; mini-sockets come from the scan, of the
 * network namespaces that were asked for. */
static void add_sockets(struct finding_look *look)
{
	const struct tcp_socket *socket;
	uint32_t position = 0;

	while ((socket = socket_table_next(look->tracker->sockets, &position))) {
		struct port_sample sample = {
			.flow = &socket->flow,
			.owner = socket->owner,
			.bound = socket->bound,
			.state = socket->state,
		};

		if (socket->hidden || socket->role == ROLE_SERVER || socket->state == TCP_LISTEN ||
		    socket->state == TCP_CLOSE ||
		    !scan_request_has_netns(&look->wanted, socket->flow.netns))
			continue;
		sample.settings = finding_look_settings(look, socket->flow.netns);
		if (sample.settings)
			port_use_add(look->ports, &sample);
	}
}

/* inet_sk_get_local_port_range() in net/ipv4/inet_connection_sock.c: the socket's own range counts
 * as far as it is within that of the sysctl. */
static bool read_own_range(struct finding_look *look, const struct subject *subject,
			   struct net_settings *settings)
{
	const struct net_settings *known = finding_look_settings(look, subject->flow.netns);
	uint32_t low = subject->ever[FAILED_RANGE] & UINT16_MAX;
	uint32_t high = subject->ever[FAILED_RANGE] >> 16;

	if (!subject->ever[FAILED_RANGE] || !known)
		return false;
	*settings = *known;
	if (low >= known->port_low && low <= known->port_high)
		settings->port_low = low;
	if (high >= settings->port_low && high <= known->port_high)
		settings->port_high = high;
	settings->ports = settings->port_high - settings->port_low + 1;
	return true;
}

static void begin(struct finding_look *look)
{
	struct subject *subject = NULL;
	struct net_settings own;

	if (port_use_time(look->ports) == look->now_ns)
		return;
	port_use_begin(look->ports, look->now_ns);
	while ((subject = subjects_next(look->subjects, subject)))
		if (subject->id == FINDING_TIME_WAIT_CHURN && is_failing(look, subject) &&
		    scan_request_has_netns(&look->wanted, subject->flow.netns) &&
		    read_own_range(look, subject, &own))
			port_use_add_range(look->ports, &subject->flow, &own);
	add_sockets(look);
}

static uint64_t age_of(const struct finding_look *look, const struct event_scan *record)
{
	uint64_t left_ns;

	if (record->mini.left_ticks <= 0)
		return TIME_WAIT_S * NS_PER_S;
	left_ns = (uint64_t)record->mini.left_ticks * look->tick_ns;
	return left_ns < TIME_WAIT_S * NS_PER_S ? TIME_WAIT_S * NS_PER_S - left_ns : 0;
}

static void add_mini(struct finding_look *look, const struct event_scan *record)
{
	struct port_sample sample = {.state = record->state};
	const struct mini_socket *mini;
	struct flow flow;
	bool several;

	if (!is_asked(look) || record->header.kind != EVENT_SCAN_MINI ||
	    !(MINI_STATES >> record->state & 1))
		return;
	begin(look);
	flow_read(&flow, &record->flow, record->header.netns);
	mini = mini_table_find(look->tracker->minis, record->cookie);
	if (mini && (mini->hidden || mini->role == ROLE_SERVER))
		return;
	if ((!mini || mini->role == ROLE_UNKNOWN) &&
	    listener_index_find(look->tracker->listeners, &flow, &several))
		return;
	sample.settings = finding_look_settings(look, flow.netns);
	if (!sample.settings)
		return;
	sample.flow = &flow;
	sample.owner = mini ? mini->owner : NULL;
	sample.bound = mini && mini->bound;
	sample.reusable = is_reusable(sample.settings, &flow);
	sample.age_ns = age_of(look, record);
	port_use_add(look->ports, &sample);
}

/* By how many per second the connections that are not in TIME_WAIT grow. */
static double growth_of(const struct subject *subject)
{
	uint64_t over_ns;
	double growth = trend_per_second(&subject->trends[TREND_HELD], GROWTH_NS, &over_ns);

	return over_ns >= WATCHED_NS && growth > 0 ? growth : 0;
}

static double percent_of(const struct port_pair *pair)
{
	return 100.0 * port_pair_in_use(pair) / pair->settings.ports;
}

static void blame(struct subject *subject, const struct port_pair *pair)
{
	const struct port_user *top = port_pair_top(pair);
	bool most = top &&
		    (uint64_t)top->ports * 100 >= (uint64_t)port_pair_in_use(pair) * BLAME_PERCENT;

	subject_blame(subject, most ? top->process : NULL);
}

static bool is_stale(const struct finding_look *look)
{
	return port_use_time(look->ports) + STALE_NS < look->now_ns;
}

/* The ports among which connect() found none: the socket's own range, if it has one. */
static const struct port_pair *failing_pair(const struct finding_look *look,
					    const struct subject *subject)
{
	if (is_stale(look))
		return NULL;
	return subject->ever[FAILED_RANGE] ? port_use_find_range(look->ports, &subject->flow)
					   : port_use_find(look->ports, &subject->flow);
}

static void scanned(struct finding_look *look)
{
	struct port_netns *known = NULL;
	struct port_pair *pair = NULL;

	if (!is_asked(look))
		return;
	begin(look);
	while ((known = port_use_next_netns(look->ports, known)))
		if (scan_request_has_netns(&look->wanted, known->netns))
			known->quiet_until_ns = look->now_ns + QUIET_NS;
	while ((pair = port_use_next(look->ports, pair))) {
		struct subject *subject;

		if (!is_much(pair))
			continue;
		subject = subjects_get(look->subjects, FINDING_TIME_WAIT_CHURN, NULL, PLACE_PAIR,
				       &pair->flow);
		if (!subject)
			continue;
		trend_add(&subject->trends[TREND_HELD], look->now_ns, pair->held);
		blame(subject, pair);
		known = port_use_netns(look->ports, look->now_ns, pair->flow.netns);
		if (known)
			known->quiet_until_ns = 0;
	}
}

static void add_evidence(struct finding *finding, const struct subject *subject,
			 const struct port_pair *pair)
{
	if (pair->time_wait)
		finding_rate(finding, "connections", EVIDENCE_PER_SECOND, port_rate(pair));
	port_holders_count(finding, pair);
	if (subject->ever[EVER_FAILED])
		finding_count(finding, "failed_connects", subject->ever[EVER_FAILED]);
	if (!pair->flow.remote_port)
		finding_flag(finding, "bound", true);
}

/* Whether the ports of the whole range are running out. */
static bool judge_pair(struct finding_look *look, const struct subject *subject,
		       const struct port_pair *pair, struct finding *finding)
{
	uint64_t time_ns = port_use_time(look->ports);
	double since = (double)(look->now_ns - time_ns) / (double)NS_PER_S;
	double left = port_seconds_left(pair, growth_of(subject));

	if (left >= 0) /* it is as of the scan */
		left = left > since ? left - since : 0;
	if (percent_of(pair) < WARNING_PERCENT && left < 0)
		return false;
	finding->severity = SEVERITY_WARNING;
	if (percent_of(pair) >= FULL_PERCENT || (left >= 0 && left < CRITICAL_S))
		finding->severity = SEVERITY_CRITICAL;
	port_holders_describe(finding, pair);
	add_evidence(finding, subject, pair);
	if (left >= 0)
		finding_duration(finding, "exhausted_in", (uint64_t)(left * (double)NS_PER_S),
				 false);
	else if (port_settles_at(pair) < pair->settings.ports)
		finding_count(finding, "settles_at", (uint64_t)port_settles_at(pair));
	return true;
}

static void add_own_range(struct finding *finding, const struct net_settings *own)
{
	char text[sizeof("65535-65535")];

	snprintf(text, sizeof(text), "%u-%u", own->port_low & UINT16_MAX,
		 own->port_high & UINT16_MAX);
	finding_text(finding, "own_range", text);
}

/* Whether connect() fails although the range as a whole has room. */
static bool judge_failing(struct finding_look *look, const struct subject *subject,
			  struct finding *finding)
{
	const struct port_pair *pair = failing_pair(look, subject);
	struct net_settings own;

	if (!is_failing(look, subject))
		return false;
	if (!pair && subject->ever[FAILED_SINCE] + UNKNOWN_NS > look->now_ns)
		return false;
	finding->severity = SEVERITY_CRITICAL;
	finding->says = subject->ever[FAILED_RANGE] ? says_range : says_failing;
	finding->advice = subject->ever[FAILED_RANGE] ? advice_range : advice_failing;
	if (pair)
		port_holders_count(finding, pair);
	if (read_own_range(look, subject, &own))
		add_own_range(finding, &own);
	finding_count(finding, "failed_connects", subject->ever[EVER_FAILED]);
	return true;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	const struct port_pair *pair = port_use_find(look->ports, &subject->flow);

	if (pair && is_much(pair) && !is_stale(look) && judge_pair(look, subject, pair, finding))
		return true;
	return judge_failing(look, subject, finding);
}

const struct finding_rule finding_time_wait_churn = {
	.id = FINDING_TIME_WAIT_CHURN,
	.says = "", /* port_holders_describe() */
	.advice = "",
	.from_states = 1u << TCP_SYN_SENT,
	.changed = count_failed,
	.states = ~(1u << TCP_LISTEN | 1u << TCP_CLOSE | 1u << TCP_SYN_RECV),
	.mini_states = MINI_STATES,
	.socket = count_socket,
	.mini = count_mini,
	.others = others,
	.record = add_mini,
	.scanned = scanned,
	.judge = judge,
};
