// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* close-wait-leak: a process accumulates sockets whose peers have closed. */
#include <stdio.h>

#include "finding/rule.h"
#include "model/tcp_state.h"
#include "base/units.h"

/* A single leak has its own line in the output. This many are a pattern: tests and retries leave
 * fewer. */
#define MANY 10
/* Fewer are enough if this many were added within a minute and the number still grows. */
#define FEW	  3
#define MINUTE_NS (60 * NS_PER_S)
#define LATELY_NS (30 * NS_PER_S)
/* Idle pooled connections that the server has closed: the largest usual pool (Go's http.Transport)
 * keeps 100, most pools keep 10 or 20. */
#define POOL_MANY 101
/* accept() and open() fail when descriptors run out. It is critical if leaks hold three quarters of
 * them, or will use up the rest within SOON_NS. */
#define SPENT(limit) ((limit) / 4 * 3)
#define SOON_NS	     (10 * MINUTE_NS)
#define LIMIT_KEPT   (30 * NS_PER_S)

/* subject->now[]: the leaks by kind, the idle pooled ones, and whether there is news to report */
enum { POOL = LEAK_IDLE, NEWS };
/* subject->ever[] */
enum { LIMIT, LIMIT_AT };

static const char pool_says[] =
	"The servers have closed these idle connections, but this client still holds the "
	"sockets.";
static const char pool_advice[] =
	"This looks like a connection pool that does not check its idle connections. Make its "
	"idle timeout shorter than the server's idle or keep-alive timeout, or let it check "
	"each connection before use. If the program has no pool, it hangs: it reads from none "
	"of these sockets. \"ss -tnp state close-wait\" lists them.";
static const char pair_says[] =
	"Both ends are on this host: the peers have closed and wait in FIN_WAIT2, but this "
	"process has not closed its end.";
static const char pair_advice[] =
	"This process must close, not its peers, which have closed already. Close the socket "
	"when a read returns 0 or an error, on every code path. No sysctl ends CLOSE_WAIT: "
	"until the program is fixed, only a restart frees the descriptors. Peers that still "
	"hold their sockets stay in FIN_WAIT2 until then.";

struct verdict {
	bool wrong;
	bool pool; /* only idle connections of a client */
	enum severity severity;
	uint64_t count;
	double growth; /* per minute */
	bool growth_known;
	uint64_t limit; /* of the process's descriptors; 0 = not known, UINT64_MAX = no limit */
	uint64_t exhausts_ns; /* time until they run out; UINT64_MAX = never, or not known */
};

/* NULL if the leak does not count here: accept-stall reports unaccepted connections. */
static struct subject *subject_of(struct finding_look *look, struct process *process,
				  enum leak_kind kind)
{
	struct process *owner = finding_look_owner(look, process);

	if (kind == LEAK_UNACCEPTED || !owner)
		return NULL;
	return subjects_get(look->subjects, FINDING_CLOSE_WAIT_LEAK, owner, PLACE_NONE, NULL);
}

/* With the subject that was found last: most leaks are next to others of their process. */
struct leaks_walk {
	struct finding_look *look;
	const struct process *process;
	struct subject *subject;
};

static struct subject *subject_in(struct leaks_walk *walk, struct process *process,
				  enum leak_kind kind)
{
	if (kind == LEAK_UNACCEPTED)
		return NULL;
	if (process && process == walk->process)
		return walk->subject;
	walk->process = process;
	walk->subject = subject_of(walk->look, process, kind);
	return walk->subject;
}

static void count_leak(void *context, const struct tcp_socket *socket, struct process *process,
		       enum leak_kind kind)
{
	struct subject *subject = subject_in(context, process, kind);

	if (!subject)
		return;
	subject->now[kind]++;
	subject_age(subject, socket->since_ns, !socket->since_known);
}

static uint64_t limit_of(struct finding_look *look, struct subject *subject)
{
	if (!subject->ever[LIMIT_AT] || subject->ever[LIMIT_AT] + LIMIT_KEPT < look->now_ns) {
		subject->ever[LIMIT] = finding_look_descriptors(look, subject->process);
		subject->ever[LIMIT_AT] = look->now_ns;
	}
	return subject->ever[LIMIT];
}

static uint64_t exhausts_in(const struct verdict *verdict, uint64_t held)
{
	double minutes;

	if (!verdict->limit || !verdict->growth_known || verdict->growth <= 0)
		return UINT64_MAX;
	if (held >= verdict->limit)
		return 0;
	minutes = (double)(verdict->limit - held) / verdict->growth;
	return minutes < 1e6 ? (uint64_t)(minutes * (double)MINUTE_NS) : UINT64_MAX;
}

static struct verdict assess(struct finding_look *look, struct subject *subject)
{
	const struct trend *trend = &subject->trends[0];
	struct verdict verdict = {.exhausts_ns = UINT64_MAX};
	uint64_t over_ns, held;
	bool grows;

	for (int kind = 0; kind < LEAK_KINDS; kind++)
		verdict.count += subject->now[kind];
	held = verdict.count + subject->now[POOL];
	verdict.growth = trend_per_second(trend, MINUTE_NS, &over_ns) * 60;
	/* The values of the trend are up to 2 s apart. */
	verdict.growth_known = over_ns + 3 * NS_PER_S >= MINUTE_NS;
	grows = verdict.growth_known && verdict.growth >= FEW &&
		trend_per_second(trend, LATELY_NS, NULL) > 0;
	verdict.pool = verdict.count < FEW && subject->now[POOL] >= POOL_MANY;
	verdict.wrong = verdict.pool || verdict.count >= MANY || (verdict.count >= FEW && grows);
	if (!verdict.wrong)
		return verdict;
	if (verdict.pool) {
		verdict.count = held;
		verdict.severity = SEVERITY_INFO;
		return verdict;
	}
	verdict.limit = limit_of(look, subject);
	if (grows)
		verdict.exhausts_ns = exhausts_in(&verdict, held);
	verdict.severity =
		(verdict.limit && held >= SPENT(verdict.limit)) || verdict.exhausts_ns <= SOON_NS
			? SEVERITY_CRITICAL
			: SEVERITY_WARNING;
	return verdict;
}

static void add_pair(void *context, const struct tcp_socket *socket, struct process *process,
		     enum leak_kind kind)
{
	struct finding_look *look = ((const struct leaks_walk *)context)->look;
	struct subject *subject = subject_in(context, process, kind);

	if (!subject || !subject->now[NEWS] || kind == LEAK_IDLE)
		return;
	finding_pairs_add(look->pairs, subject, &socket->flow);
	netns_set_add(&look->netns[FINDING_CLOSE_WAIT_LEAK], socket->flow.netns);
}

/* In how many network namespaces other ends are looked for: it is not worth more, since other
 * findings wait for their scans meanwhile. If there are more, only where the leaks are. */
#define PAIR_NAMESPACES 16

/* Searches this host for the other ends of the leaked connections, by a walk over all sockets. This
 * is done only for findings that are about to be reported. */
static void look_for_pairs(struct finding_look *look)
{
	struct leaks_walk walk = {.look = look};
	const struct tcp_socket *socket;
	const struct netns_set *own = &look->netns[FINDING_CLOSE_WAIT_LEAK];
	struct netns_set with_minis = {0};
	const struct mini_socket *mini;
	uint32_t position = 0;

	leak_reports_each_told(leak_watch_reports(look->leaks), add_pair, &walk);
	while ((socket = socket_table_next(look->tracker->sockets, &position)))
		if (socket->state == TCP_FIN_WAIT2)
			finding_pairs_show(look->pairs, &socket->flow, socket->owner);
	/* After close() the other end is a mini-socket, whose flow only a scan shows. */
	look->wanted.mini_states |= 1u << TCP_FIN_WAIT2;
	position = 0;
	while ((mini = mini_table_next(look->tracker->minis, &position)))
		if (mini->state == TCP_FIN_WAIT2)
			netns_set_add(&with_minis, mini->netns);
	netns_set_add_set(&with_minis, own);
	if (!with_minis.all && with_minis.count <= PAIR_NAMESPACES)
		netns_set_add_set(&look->wanted.tables, &with_minis);
	else if (!own->all && own->count <= PAIR_NAMESPACES)
		netns_set_add_set(&look->wanted.tables, own);
}

static void others(struct finding_look *look)
{
	struct leaks_walk walk = {.look = look};
	struct subject *subject = NULL;
	bool news = false;

	leak_reports_each_told(leak_watch_reports(look->leaks), count_leak, &walk);
	while ((subject = subjects_next(look->subjects, subject))) {
		struct verdict verdict;
		uint64_t count = 0;

		if (subject->id != FINDING_CLOSE_WAIT_LEAK)
			continue;
		for (int kind = 0; kind < LEAK_KINDS; kind++)
			count += subject->now[kind];
		trend_add(&subject->trends[0], look->now_ns, count);
		verdict = assess(look, subject);
		subject->now[NEWS] = verdict.wrong && !verdict.pool &&
				     (!subject->open || verdict.severity > subject->severity);
		news |= subject->now[NEWS];
	}
	if (news)
		look_for_pairs(look);
}

static void record(struct finding_look *look, const struct event_scan *record)
{
	const struct mini_socket *mini;
	struct flow flow;

	if (finding_pairs_empty(look->pairs) || record->header.kind != EVENT_SCAN_MINI ||
	    record->state != TCP_FIN_WAIT2)
		return;
	flow_read(&flow, &record->flow, record->header.netns);
	mini = mini_table_find(look->tracker->minis, record->cookie);
	finding_pairs_show(look->pairs, &flow,
			   mini && mini->owner && mini->owner->tgid ? mini->owner : NULL);
}

static void put_place(struct finding_look *look, struct finding *finding,
		      const struct verdict *verdict)
{
	uint64_t open;
	const struct leak_group *most = leak_groups_most(leak_watch_reports(look->leaks)->groups,
							 finding->process, verdict->pool, &open);

	if (most && open * 2 >= verdict->count)
		finding_text(finding, most->role == ROLE_SERVER ? "listener" : "peer", most->place);
}

static void put_site(struct finding_look *look, struct finding *finding, bool pooled)
{
	const char *site =
		leak_groups_site(leak_watch_reports(look->leaks)->groups, finding->process, pooled);

	if (site)
		finding_text(finding, "call_site", site);
}

_Static_assert(EVIDENCE_TEXT_LEN >= CALL_SITE_TEXT_LEN, "room for a call site");

static void put_pairs(struct finding_look *look, const struct subject *subject,
		      struct finding *finding)
{
	struct finding_pairs_found found;
	char text[EVIDENCE_TEXT_LEN];

	finding_pairs_tally(look->pairs, subject, &found);
	if (!found.count)
		return;
	if (found.all)
		finding_count(finding, "peers_here", found.count);
	if (found.process) {
		int length = found.process->tgid
				     ? snprintf(text, sizeof(text), "%s[%u]", found.process->comm,
						found.process->tgid)
				     : snprintf(text, sizeof(text), "%s", found.process->comm);

		if (found.others)
			snprintf(text + length, sizeof(text) - (size_t)length, " and %u more",
				 found.others);
		finding_text(finding, "peer_process", text);
	}
	if (found.netns) {
		snprintf(text, sizeof(text), "%u", found.netns);
		finding_text(finding, "peer_netns", text);
	}
	finding->says = pair_says;
	finding->advice = pair_advice;
}

static bool judge(struct finding_look *look, struct subject *subject, struct finding *finding)
{
	struct verdict verdict = assess(look, subject);

	if (!verdict.wrong)
		return false;
	finding->severity = verdict.severity;
	finding_count(finding, "count", verdict.count);
	finding_duration(finding, "oldest", look->now_ns - subject->oldest_ns,
			 subject->oldest_at_least);
	for (int kind = 0; kind < LEAK_KINDS; kind++)
		if (subject->now[kind])
			finding_count(finding, leak_kind_name((enum leak_kind)kind),
				      subject->now[kind]);
	if (subject->now[POOL])
		finding_count(finding, "idle_in_pool", subject->now[POOL]);
	if (verdict.growth_known)
		finding_rate(finding, "growth", EVIDENCE_PER_MINUTE, verdict.growth);
	if (verdict.limit && verdict.limit != UINT64_MAX)
		finding_count(finding, "descriptor_limit", verdict.limit);
	if (verdict.exhausts_ns <= SOON_NS * 6)
		finding_duration(finding, "exhausted_in", verdict.exhausts_ns, false);
	put_place(look, finding, &verdict);
	put_site(look, finding, verdict.pool);
	put_pairs(look, subject, finding);
	if (verdict.pool) {
		finding->says = pool_says;
		finding->advice = pool_advice;
	}
	return true;
}

const struct finding_rule finding_close_wait_leak = {
	.id = FINDING_CLOSE_WAIT_LEAK,
	.says = "The peers have closed these connections, but this process has not.",
	.advice = "Close the socket when a read returns 0 or an error, on every code path. No "
		  "sysctl ends CLOSE_WAIT: until the program is fixed, only a restart frees the "
		  "descriptors. \"ss -tnp state close-wait\" lists the sockets.",
	.others = others,
	.record = record,
	.judge = judge,
};
