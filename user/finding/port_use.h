/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PORT_USE_H
#define TCPWATCH_PORT_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow.h"
#include "model/net_settings.h"
#include "track/process_table.h"

/*
 * Which local ports clients use at one moment. connect() looks for a port that is free for its
 * local address and destination, bind() for one that is free for all destinations. Therefore ports
 * are counted for each pair of ends, and for each local address.
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
	uint32_t others;	    /* belong to names beyond PORT_USERS */
	uint16_t ages[TIME_WAIT_S]; /* those in TIME_WAIT, by age in full seconds */
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
	uint64_t age_ns; /* TIME_WAIT: how long it has been in it */
};

/* The most that are kept. Where there are more pairs, most have few ports, and a pair with many
 * ports comes early. */
#define PORT_PAIRS     8192
#define PORT_ADDRESSES 64

/* Returns NULL without memory. */
struct port_use *port_use_new(void);
void port_use_free(struct port_use *use);

/* Forgets all ports. What is added from now on is of this moment, now_ns (CLOCK_MONOTONIC). */
void port_use_begin(struct port_use *use, uint64_t now_ns);

/* The moment of port_use_begin(); 0 = never. */
uint64_t port_use_time(const struct port_use *use);

/* Counts a connection. Ports outside the range of the settings do not count, nor does what has no
 * room. */
void port_use_add(struct port_use *use, const struct port_sample *sample);

/* Walks all pairs, then all local addresses; start with NULL, ends with NULL. Valid until
 * port_use_begin(). */
struct port_pair *port_use_next(struct port_use *use, struct port_pair *previous);

/* Finds the pair with the ends of this flow; the local address where the remote port is 0. NULL if
 * there is none. */
struct port_pair *port_use_find(struct port_use *use, const struct flow *flow);

/* How many ports of it are in use. */
uint32_t port_pair_in_use(const struct port_pair *pair);

/* The name that uses most ports; NULL where that is not sure. */
const struct port_user *port_pair_top(const struct port_pair *pair);

/* How many client connections a network namespace has: an upper bound that is cheap to count. */
struct port_netns {
	uint32_t netns;
	uint32_t clients;
	uint64_t suspect_ns;	 /* since when it has many, CLOCK_MONOTONIC; 0 = it has few */
	uint64_t quiet_until_ns; /* a scan found no pair that uses many: no other one before */
};

#define PORT_NETNS 64

/* Gets a network namespace, made if it is missing. Its clients are 0 at each new now_ns; the caller
 * counts them. Returns NULL where PORT_NETNS others have clients. */
struct port_netns *port_use_netns(struct port_use *use, uint64_t now_ns, uint32_t netns);

/* Walks the network namespaces; start with NULL, ends with NULL. */
struct port_netns *port_use_next_netns(struct port_use *use, struct port_netns *previous);

#endif
