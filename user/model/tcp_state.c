// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/tcp_state.h"

#define TCP_STATE(state, usual) [TCP_##state] = #state,
static const char *const names[TCP_STATES] = {
#include "model/tcp_states.def"
};
#undef TCP_STATE

#define TCP_STATE(state, usual) TCP_##state,
const unsigned char tcp_state_order[TCP_STATES] = {
#include "model/tcp_states.def"
	0,
};
#undef TCP_STATE

const char *tcp_state_name(unsigned int state)
{
	return tcp_state_valid(state) ? names[state] : "?";
}
