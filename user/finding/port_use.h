/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PORT_USE_H
#define TCPWATCH_PORT_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"
#include "model/net_settings.h"
#include "track/process_table.h"

/*
 * Which local ports clients use, of one moment. connect() looks for a port that is free for its
 * local address and destination, bind() for one that is free for all destinations: so ports are
 * counted for each pair of ends, and for each local address.
 */
struct port_use;

/* The processes of one name. */
struct port_user {
	char comm[EVENT_COMM_LEN + 1];
	struct process *process; /* NULL = several; only valid until the next event */
	uint32_t ports;
};

#define PORT_USERS 8

/* TCP_TIMEWAIT_LEN (include/net/tcp.h): no sysctl changes it. */
#define TIME_WAIT_S 60

struct port_pair {
	struct flow flow; /* without a local port; of a local address: without a remote end */
	struct net_settings settings;
	uint32_t held;		    /* ports of connections, TIME_WAIT aside */
	uint32_t time_wait;	    /* those that keep a port from being used */
	uint32_t bound;		    /* had their port before connect() */
	uint32_t watched;	    /* belong to processes that are watched */
	uint32_t others;	    /* belong to those for which there is no room in users */
	uint16_t ages[TIME_WAIT_S]; /* those in TIME_WAIT, by full seconds since they are */
	uint32_t user_count;
	struct port_user users[PORT_USERS];
};

/* A client's connection. */
struct port_sample {
	const struct flow *flow;
	const struct net_settings *settings; /* of its network namespace */
	struct process *owner;		     /* NULL = unknown */
	bool bound;
	bool time_wait;
	bool reusable;	 /* TIME_WAIT: connect() may take its port */
	uint64_t age_ns; /* TIME_WAIT: since when */
};

/* So many are kept: where there are more pairs, most have few ports, and one that has many comes
 * early. */
#define PORT_PAIRS     8192
#define PORT_ADDRESSES 64

struct port_use *port_use_new(void);
void port_use_free(struct port_use *use);

/* Empties it; what is added from now on is of this moment. */
void port_use_begin(struct port_use *use, uint64_t now_ns);

/* The moment; 0 = never. */
uint64_t port_use_time(const struct port_use *use);

/* Counts it; ports outside the range of the settings do not count. */
void port_use_add(struct port_use *use, const struct port_sample *sample);

/* Walks all pairs, then all local addresses; start with NULL, ends with NULL. */
struct port_pair *port_use_next(struct port_use *use, struct port_pair *previous);

/* The one with these ends; without a remote port: of the local address. NULL if there is none. */
struct port_pair *port_use_find(struct port_use *use, const struct flow *flow);

/* The ports that are in use of it. */
uint32_t port_pair_in_use(const struct port_pair *pair);

/* Who uses the most; NULL where that is not known. */
const struct port_user *port_pair_top(const struct port_pair *pair);

/* How many client connections a network namespace has, by a count that is too cheap to be exact. */
struct port_netns {
	uint32_t netns;
	uint32_t clients;
	uint64_t suspect_ns;	 /* since when it has many; 0 = it has not */
	uint64_t quiet_until_ns; /* no pair was found that uses many */
};

#define PORT_NETNS 64

/* Counts from 0 at each new now_ns. NULL where there is no room. */
struct port_netns *port_use_netns(struct port_use *use, uint64_t now_ns, uint32_t netns);

/* Walks them; start with NULL, ends with NULL. */
struct port_netns *port_use_next_netns(struct port_use *use, struct port_netns *previous);

#endif
