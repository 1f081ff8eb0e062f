// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/finding_id.h"

static const char *const names[FINDINGS] = {
	[FINDING_CLOSE_WAIT_LEAK] = "close-wait-leak",
	[FINDING_ACCEPT_STALL] = "accept-stall",
	[FINDING_TIME_WAIT_CHURN] = "time-wait-churn",
	[FINDING_POOL_THRASH] = "pool-thrash",
	[FINDING_CONNECT_STUCK] = "connect-stuck",
	[FINDING_SYN_FLOOD] = "syn-flood",
	[FINDING_FIN_WAIT2_STUCK] = "fin-wait2-stuck",
	[FINDING_LAST_ACK_STUCK] = "last-ack-stuck",
	[FINDING_DEAD_PEER] = "dead-peer",
	[FINDING_RESET_STORM] = "reset-storm",
	[FINDING_DESCRIPTOR_LEAK] = "descriptor-leak",
};

const char *finding_name(enum finding_id id)
{
	return names[id];
}

const char *severity_name(enum severity severity)
{
	static const char *const severities[] = {
		[SEVERITY_INFO] = "info",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_CRITICAL] = "critical",
	};

	return severities[severity];
}
