// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "tcp_state.h"

static const char *const names[TCP_STATES] = {
	[TCP_ESTABLISHED] = "ESTABLISHED",
	[TCP_SYN_SENT] = "SYN_SENT",
	[TCP_SYN_RECV] = "SYN_RECV",
	[TCP_FIN_WAIT1] = "FIN_WAIT1",
	[TCP_FIN_WAIT2] = "FIN_WAIT2",
	[TCP_TIME_WAIT] = "TIME_WAIT",
	[TCP_CLOSE] = "CLOSE",
	[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[TCP_LAST_ACK] = "LAST_ACK",
	[TCP_LISTEN] = "LISTEN",
	[TCP_CLOSING] = "CLOSING",
};

const unsigned char tcp_state_order[TCP_STATES] = {
	TCP_SYN_SENT,  TCP_SYN_RECV, TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_FIN_WAIT1,
	TCP_FIN_WAIT2, TCP_CLOSING,  TCP_TIME_WAIT,   TCP_LISTEN,     TCP_CLOSE,    0,
};

const char *tcp_state_name(unsigned int state)
{
	return tcp_state_valid(state) ? names[state] : "?";
}
