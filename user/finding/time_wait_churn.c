// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* time-wait-churn: short connections take local ports faster than TIME_WAIT returns them. */
#include <arpa/inet.h>
#include <string.h>

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

/* The forecast uses the rate of the last RATE_S seconds, */
#define RATE_S 10
/* if each of the last two periods of LASTING_S seconds had at least half of it. A burst has not. */
#define LASTING_S 2
/* Connections that stay open accumulate slowly. The forecast ends at HORIZON_S, */
#define HORIZON_S 600
/* and their growth, which is taken over GROWTH_NS, counts only once WATCHED_NS have passed. */
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

enum { TREND_HELD };
enum { EVER_FAILED }; /* connect() calls that found no port */

#define MINI_STATES (1u << TCP_TIME_WAIT | 1u << TCP_FIN_WAIT2)

static const char advice_bound[] =
	"The program calls bind() before connect(), so each port serves only one connection, "
	"whatever its destination. Set IP_BIND_ADDRESS_NO_PORT before bind(), or do not call "
	"bind(); and keep connections open. \"ss -tan state time-wait\" lists the sockets.";

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

static void others(struct finding_look *look)
{
	struct port_netns *known = NULL;

	while ((known = port_use_next_netns(look->ports, known))) {
		if (!is_suspect(look, known))
			continue;
		netns_set_add(&look->wanted.tables, known->netns);
		look->wanted.mini_states |= MINI_STATES;
	}
}

/* Counts only for ends that are known to be short of ports: a missing route has the same cause. */
static void count_failed(struct finding_look *look, const struct change *change)
{
	const struct port_pair *pair;
	struct subject *subject;

	if (change->cause != CAUSE_LOCAL_ERROR)
		return;
	pair = port_use_find(look->ports, change->flow);
	if (!pair || !is_much(pair))
		return;
	subject = subjects_get(look->subjects, FINDING_TIME_WAIT_CHURN, NULL, PLACE_PAIR,
			       &pair->flow);
	if (subject)
		subject->ever[EVER_FAILED]++;
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

static void begin(struct finding_look *look)
{
	if (port_use_time(look->ports) == look->now_ns)
		return;
	port_use_begin(look->ports, look->now_ns);
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
	struct port_sample sample = {.time_wait = record->state == TCP_TIME_WAIT};
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

static uint32_t sum_ages(const struct port_pair *pair, unsigned int from, unsigned int to)
{
	uint32_t sum = 0;

	for (unsigned int age = from; age < to && age < TIME_WAIT_S; age++)
		sum += pair->ages[age];
	return sum;
}

/* How many connections per second end in TIME_WAIT here. */
static double rate_of(const struct port_pair *pair)
{
	unsigned int seconds = RATE_S;

	/* Only full seconds count: the churn began in the oldest one. */
	while (seconds > 1 && sum_ages(pair, seconds, TIME_WAIT_S) == 0)
		seconds--;
	return (double)sum_ages(pair, 0, seconds) / seconds;
}

static bool is_lasting(const struct port_pair *pair)
{
	double least = rate_of(pair) * LASTING_S / 2;

	return sum_ages(pair, 0, LASTING_S) >= least &&
	       sum_ages(pair, LASTING_S, 2 * LASTING_S) >= least;
}

/* By how many per second the connections that are not in TIME_WAIT grow. */
static double growth_of(const struct subject *subject)
{
	uint64_t over_ns;
	double growth = trend_per_second(&subject->trends[TREND_HELD], GROWTH_NS, &over_ns);

	return over_ns >= WATCHED_NS && growth > 0 ? growth : 0;
}

/* How many ports are in use once TIME_WAIT returns as many as are taken. */
static double settles_at(const struct port_pair *pair)
{
	return pair->held + rate_of(pair) * TIME_WAIT_S;
}

/*
 * Seconds until no port is left at the present rate: each second takes `rate` ports and returns
 * those that were taken 60 s before. Negative if the ports will not run out.
 */
static double seconds_left(const struct subject *subject, const struct port_pair *pair)
{
	double rate = is_lasting(pair) ? rate_of(pair) : 0;
	double left = (double)pair->settings.ports - port_pair_in_use(pair);
	double growth = growth_of(subject);

	if (left <= 0)
		return 0;
	if (rate + growth <= 0)
		return -1;
	for (unsigned int second = 0; second < HORIZON_S; second++) {
		double back = second < TIME_WAIT_S ? pair->ages[TIME_WAIT_S - 1 - second] : rate;
		double taken = rate + growth - back;

		if (taken > 0 && taken >= left)
			return second + left / taken;
		left -= taken;
	}
	return -1;
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
	const struct port_user *top = port_pair_top(pair);

	finding_rate(finding, "connections", EVIDENCE_PER_SECOND, rate_of(pair));
	finding_count(finding, "ports_in_use", port_pair_in_use(pair));
	finding_count(finding, "ports", pair->settings.ports);
	finding_rate(finding, "in_use", EVIDENCE_PERCENT, percent_of(pair));
	finding_count(finding, "time_wait", pair->time_wait);
	if (top) {
		finding_text(finding, "top_process", top->comm);
		finding_rate(finding, "top_process_share", EVIDENCE_PERCENT,
			     100.0 * top->ports / port_pair_in_use(pair));
	}
	if (subject->ever[EVER_FAILED])
		finding_count(finding, "failed_connects", subject->ever[EVER_FAILED]);
	if (!pair->flow.remote_port) {
		finding_flag(finding, "bound", true);
		finding->advice = advice_bound;
	}
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	const struct port_pair *pair = port_use_find(look->ports, &subject->flow);
	uint64_t time_ns = port_use_time(look->ports);
	double left, since;

	if (!pair || !is_much(pair) || time_ns + STALE_NS < look->now_ns)
		return false;
	since = (double)(look->now_ns - time_ns) / (double)NS_PER_S;
	left = seconds_left(subject, pair);
	if (left >= 0) /* it is as of the scan */
		left = left > since ? left - since : 0;
	if (percent_of(pair) < WARNING_PERCENT && left < 0)
		return false;
	finding->severity = SEVERITY_WARNING;
	if (percent_of(pair) >= FULL_PERCENT || (left >= 0 && left < CRITICAL_S))
		finding->severity = SEVERITY_CRITICAL;
	add_evidence(finding, subject, pair);
	if (left >= 0)
		finding_duration(finding, "exhausted_in", (uint64_t)(left * (double)NS_PER_S),
				 false);
	else if (settles_at(pair) < pair->settings.ports)
		finding_count(finding, "settles_at", (uint64_t)settles_at(pair));
	return true;
}

const struct finding_rule finding_time_wait_churn = {
	.id = FINDING_TIME_WAIT_CHURN,
	.says = "Local ports are running out: each closed connection keeps its port in "
		"TIME_WAIT for 60 s.",
	.advice = "Keep connections open and reuse them (HTTP keep-alive, a pool), or let the "
		  "other side close first. net.ipv4.tcp_tw_reuse=1 lets connect() take a port "
		  "from TIME_WAIT after one second if TCP timestamps are on; a wider "
		  "net.ipv4.ip_local_port_range or more local addresses only gain time. "
		  "tcp_fin_timeout does not shorten TIME_WAIT. \"ss -tan state time-wait\" lists "
		  "the sockets.",
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
