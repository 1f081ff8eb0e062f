/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_ID_H
#define TCPWATCH_FINDING_ID_H

/* What can be wrong. The names and their order are a promise: docs/findings.md. */
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
	FINDINGS
};

/* "close-wait-leak" and so on. */
const char *finding_name(enum finding_id id);

enum severity {
	SEVERITY_INFO,	   /* worth knowing; may be on purpose */
	SEVERITY_WARNING,  /* wrong, and can wait until the morning */
	SEVERITY_CRITICAL, /* fails now, or will within minutes */
};

const char *severity_name(enum severity severity);

#endif
