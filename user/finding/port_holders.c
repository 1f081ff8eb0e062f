// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/port_holders.h"

enum holder { IN_TIME_WAIT, OPEN, IN_FIN_WAIT2, IN_CLOSE_WAIT, IN_SYN_SENT, HOLDERS };

struct words {
	const char *says;
	const char *advice;
	const char *advice_bound; /* the program calls bind() before connect() */
};

#define BOUND                                                                                      \
	"The program calls bind() before connect(), so each port serves only one connection, "     \
	"whatever its destination. Set IP_BIND_ADDRESS_NO_PORT before bind(), or do not call "     \
	"bind()"

static const struct words words[] = {
	[IN_TIME_WAIT] =
		{"Local ports are running out: each closed connection keeps its port in TIME_WAIT "
		 "for 60 s.",
		 "Keep connections open and reuse them (HTTP keep-alive, a pool), or let the other "
		 "side close first. net.ipv4.tcp_tw_reuse=1 lets connect() take a port from "
		 "TIME_WAIT after one second if TCP timestamps are on; a wider "
		 "net.ipv4.ip_local_port_range or more local addresses only gain time. "
		 "tcp_fin_timeout does not shorten TIME_WAIT. \"ss -tan state time-wait\" lists the "
		 "sockets.",
		 BOUND "; and keep connections open. \"ss -tan state time-wait\" lists the "
		       "sockets."},
	[OPEN] =
		{"Local ports are running out: open connections hold them.",
		 "Find out why so many connections are open at once: \"ss -tnp state established\" "
		 "lists them. Close those that are no longer needed, limit the pool, or share "
		 "connections (HTTP/2). If all of them are needed, more remote addresses or ports, "
		 "more local addresses or a wider net.ipv4.ip_local_port_range give room. TIME_WAIT "
		 "has no part in this, so net.ipv4.tcp_tw_reuse does not help.",
		 BOUND "; and close connections that are no longer needed: \"ss -tnp state "
		       "established\" lists them."},
	[IN_FIN_WAIT2] =
		{"Local ports are running out: connections that this side has closed wait in "
		 "FIN_WAIT2 until the other side closes too.",
		 "Find out why the other side does not close: it probably leaks sockets in "
		 "CLOSE_WAIT (see fin-wait2-stuck). On this side, call close() on sockets that were "
		 "only shut down, because these have no timeout; net.ipv4.tcp_fin_timeout ends the "
		 "others. TIME_WAIT has no part in this, so net.ipv4.tcp_tw_reuse does not help. "
		 "\"ss -tanp state fin-wait-2\" lists the sockets.",
		 BOUND "; and find out why the other side does not close. \"ss -tanp state "
		       "fin-wait-2\" lists the sockets."},
	[IN_CLOSE_WAIT] =
		{"Local ports are running out: connections that the other side has closed keep "
		 "their ports, because this side does not close them.",
		 "Let the program close its sockets at the end of stream: see close-wait-leak. No "
		 "sysctl ends CLOSE_WAIT. \"ss -tanp state close-wait\" lists the sockets.",
		 BOUND "; and let the program close its sockets at the end of stream. \"ss -tanp "
		       "state close-wait\" lists the sockets."},
	[IN_SYN_SENT] =
		{"Local ports are running out: attempts to connect that get no answer hold them.",
		 "Find out why the other side does not answer (see connect-stuck). Give the program "
		 "a connect timeout of a few seconds, and let it wait between two attempts. \"ss "
		 "-tanp state syn-sent\" lists the sockets.",
		 BOUND
		 "; and give the program a connect timeout. \"ss -tanp state syn-sent\" lists "
		 "the sockets."},
};

static uint32_t open_of(const struct port_pair *pair)
{
	return pair->held - pair->fin_wait2 - pair->close_wait - pair->syn_sent;
}

void port_holders_describe(struct finding *finding, const struct port_pair *pair)
{
	const uint32_t ports[HOLDERS] = {
		[IN_TIME_WAIT] = pair->time_wait, [OPEN] = open_of(pair),
		[IN_FIN_WAIT2] = pair->fin_wait2, [IN_CLOSE_WAIT] = pair->close_wait,
		[IN_SYN_SENT] = pair->syn_sent,
	};
	unsigned int most = 0;

	for (unsigned int i = 1; i < HOLDERS; i++)
		if (ports[i] > ports[most])
			most = i;
	finding->says = words[most].says;
	finding->advice = pair->flow.remote_port ? words[most].advice : words[most].advice_bound;
}

static void count_some(struct finding *finding, const char *name, uint32_t count)
{
	if (count)
		finding_count(finding, name, count);
}

void port_holders_count(struct finding *finding, const struct port_pair *pair)
{
	uint32_t in_use = port_pair_in_use(pair);
	const struct port_user *top = port_pair_top(pair);

	finding_count(finding, "ports_in_use", in_use);
	finding_count(finding, "ports", pair->settings.ports);
	finding_rate(finding, "in_use", EVIDENCE_PERCENT, 100.0 * in_use / pair->settings.ports);
	finding_count(finding, "time_wait", pair->time_wait);
	count_some(finding, "open", open_of(pair));
	count_some(finding, "fin_wait2", pair->fin_wait2);
	count_some(finding, "close_wait", pair->close_wait);
	count_some(finding, "syn_sent", pair->syn_sent);
	if (!top)
		return;
	finding_text(finding, "top_process", top->comm);
	finding_rate(finding, "top_process_share", EVIDENCE_PERCENT, 100.0 * top->ports / in_use);
}
