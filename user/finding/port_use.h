/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PORT_USE_H
#define TCPWATCH_PORT_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"
#include "model/net_settings.h"
#include "track/process_table.h"

/*
 * The local ports that clients use at one moment. connect() needs a port that is free for its local
 * address and destination, and bind() needs one that is free for all destinations. Therefore ports
 * are counted for each pair of ends and for each local address.
 */
struct port_use;

/* The processes with the same command name. */
struct port_user {
	char comm[EVENT_COMM_LEN + 1];
	struct process *process; /* NULL = several; valid until the next record is taken in */
	uint32_t ports;
};

/* The most command names of a pair. */
#define PORT_USERS 8

/* TCP_TIMEWAIT_LEN in seconds (include/net/tcp.h). No sysctl changes it. */
#define TIME_WAIT_S 60

struct port_pair {
	struct flow flow; /* local port 0; for a local address the remote end is 0 too */
	struct net_settings settings;
	/* All numbers are numbers of ports. */
	uint32_t held;		    /* of connections that are not in TIME_WAIT; of these: */
	uint32_t fin_wait2;	    /* ... in FIN_WAIT2 */
	uint32_t close_wait;	    /* ... in CLOSE_WAIT */
	uint32_t syn_sent;	    /* ... in SYN_SENT */
	uint32_t time_wait;	    /* that TIME_WAIT keeps from being used again */
	uint32_t bound;		    /* that were taken before connect() */
	uint32_t watched;	    /* of watched processes */
	uint32_t others;	    /* of command names beyond PORT_USERS */
	uint16_t ages[TIME_WAIT_S]; /* those of time_wait, by age in full seconds */
	uint32_t user_count;
	struct port_user users[PORT_USERS];
};

/* A connection of a client. */
struct port_sample {
	const struct flow *flow;
	const struct net_settings *settings; /* of its network namespace */
	struct process *owner;		     /* NULL = unknown */
	bool bound;			     /* it had its port before connect() */
	unsigned int state;		     /* TCP_TIME_WAIT and FIN_WAIT2 of mini-sockets too */
	bool reusable;			     /* in TIME_WAIT: connect() may take its port */
	uint64_t age_ns;		     /* in TIME_WAIT: for how long */
};

/* The most pairs and local addresses that are kept. If there are more pairs, most of them have few
 * ports, and a pair with many ports is found early. */
#define PORT_PAIRS     8192
#define PORT_ADDRESSES 64
/* The most parts of a range. */
#define PORT_RANGES 64

/* Returns NULL without memory. */
struct port_use *port_use_new(void);
void port_use_free(struct port_use *use);

/* Forgets all ports. The connections that are added next are as of now_ns (CLOCK_MONOTONIC). */
void port_use_begin(struct port_use *use, uint64_t now_ns);

/* The now_ns of the last port_use_begin(); 0 = none. */
uint64_t port_use_time(const struct port_use *use);

/*
 * Counts the ports of a part of the range apart, for the pair with the ends of this flow: the range
 * of `settings`, which are otherwise those of the network namespace. To be called after
 * port_use_begin(). Nothing happens if there is no room or no memory.
 */
void port_use_add_range(struct port_use *use, const struct flow *flow,
			const struct net_settings *settings);

/* The part of the range of the pair with the ends of this flow; NULL if there is none. */
struct port_pair *port_use_find_range(struct port_use *use, const struct flow *flow);

/* Counts a connection. It does not count if its local port is outside the range of the settings, or
 * if there is no room or no memory for its pair. */
void port_use_add(struct port_use *use, const struct port_sample *sample);

/* Walks all pairs, then all local addresses. Starts with NULL and returns NULL at the end. A pair
 * is valid until the next port_use_begin() and stays the table's. */
struct port_pair *port_use_next(struct port_use *use, struct port_pair *previous);

/* Returns the pair with the ends of this flow, or the local address if its remote port is 0; NULL
 * if there is none. */
struct port_pair *port_use_find(struct port_use *use, const struct flow *flow);

/* How many ports of a pair are in use. */
uint32_t port_pair_in_use(const struct port_pair *pair);

/* The command name with most ports; NULL if the names beyond PORT_USERS may have more. */
const struct port_user *port_pair_top(const struct port_pair *pair);

/* How many client connections a network namespace has: an upper bound that is cheap to count. */
struct port_netns {
	uint32_t netns;
	uint32_t clients;
	uint64_t suspect_ns;	 /* since when it has many; CLOCK_MONOTONIC, 0 = it has few */
	uint64_t quiet_until_ns; /* no scan before this time: the last found no pair with many */
};

/* The most network namespaces that are kept. */
#define PORT_NETNS 64

/* Returns a network namespace, which is added if it is missing. Its `clients` are set to 0 when
 * now_ns (CLOCK_MONOTONIC) changes; the caller counts them. Returns NULL if PORT_NETNS others have
 * clients. */
struct port_netns *port_use_netns(struct port_use *use, uint64_t now_ns, uint32_t netns);

/* Walks the network namespaces. Starts with NULL and returns NULL at the end. */
struct port_netns *port_use_next_netns(struct port_use *use, struct port_netns *previous);

#endif
