/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_ID_H
#define TCPWATCH_FINDING_ID_H

/* What tcpwatch can find to be wrong: docs/findings.md. Outputs have the names and their order,
 * which never change. */
enum finding_id {
	FINDING_CLOSE_WAIT_LEAK,
	FINDING_ACCEPT_STALL,
	FINDING_TIME_WAIT_CHURN,
	FINDING_POOL_THRASH,
	FINDING_CONNECT_STUCK,
	FINDING_SYN_FLOOD,
	FINDING_FIN_WAIT2_STUCK,
	FINDING_LAST_ACK_STUCK,
	FINDING_DEAD_PEER,
	FINDING_RESET_STORM,
	FINDING_DESCRIPTOR_LEAK,
	FINDINGS
};

/* The name in outputs, such as "close-wait-leak"; a static string. */
const char *finding_name(enum finding_id id);

enum severity {
	SEVERITY_INFO,	   /* worth knowing; it may be intended */
	SEVERITY_WARNING,  /* wrong, but not urgent */
	SEVERITY_CRITICAL, /* connections fail now, or will fail within minutes */
};

/* The name in outputs: "info", "warning" or "critical". */
const char *severity_name(enum severity severity);

#endif
