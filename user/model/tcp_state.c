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

#define MINI   true
#define RECORD false

#define TCP_TRANSITION(from, to, way, by, seen, what, sent)                                        \
	{TCP_##from, TCP_##to, BY_##by, seen, what, sent},
const struct tcp_transition tcp_transitions[] = {
#include "model/tcp_states.def"
};
#undef TCP_TRANSITION

const size_t tcp_transition_count = sizeof(tcp_transitions) / sizeof(*tcp_transitions);

/* A transition that is twice in the table is an error of the compiler (-Woverride-init). */
#define TCP_TRANSITION(from, to, way, by, seen, what, sent) [TCP_##from][TCP_##to] = !(seen),
static const bool recorded[TCP_STATES][TCP_STATES] = {
#include "model/tcp_states.def"
};
#undef TCP_TRANSITION

bool tcp_transition_is_recorded(unsigned int from, unsigned int to)
{
	return tcp_state_valid(from) && tcp_state_valid(to) && recorded[from][to];
}

const char *tcp_transition_by_name(enum tcp_transition_by by)
{
	static const char *const actors[] = {
		[BY_PROCESS] = "process",
		[BY_PEER] = "peer",
		[BY_TIMER] = "timer",
		[BY_ANY] = "any",
	};

	return actors[by];
}
