/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NET_SETTINGS_H
#define TCPWATCH_NET_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The sysctls of one network namespace that findings need. Those of net.ipv4 apply to IPv6 too. */
struct net_settings {
	uint32_t port_low; /* ip_local_port_range */
	uint32_t port_high;
	uint32_t ports;		/* ports in that range, without ip_local_reserved_ports */
	uint32_t tw_reuse;	/* tcp_tw_reuse: 0 no, 1 yes, 2 loopback only */
	bool timestamps;	/* tcp_timestamps: without them tcp_tw_reuse has no effect */
	uint32_t syncookies;	/* tcp_syncookies: 0 never, 1 if the queue is full, 2 always */
	uint32_t fin_timeout_s; /* tcp_fin_timeout, in seconds */
	uint32_t syn_retries;
	uint32_t synack_retries;
	uint32_t max_syn_backlog;
	uint32_t somaxconn; /* net.core.somaxconn */
};

/* The defaults of Linux (Documentation/networking/ip-sysctl.rst). */
#define NET_SETTINGS_DEFAULT                                                                       \
	((struct net_settings){.port_low = 32768,                                                  \
			       .port_high = 60999,                                                 \
			       .ports = 28232,                                                     \
			       .tw_reuse = 2,                                                      \
			       .timestamps = true,                                                 \
			       .syncookies = 1,                                                    \
			       .fin_timeout_s = 60,                                                \
			       .syn_retries = 6,                                                   \
			       .synack_retries = 5,                                                \
			       .max_syn_backlog = 4096,                                            \
			       .somaxconn = 4096})

/* Reads the settings of the network namespace of the calling thread. A setting that cannot be read
 * has its default. Returns 0, or a negative errno if the port range cannot be read. */
int net_settings_read(struct net_settings *settings);

/* The number of different ports from low to high in a list such as "8080,9148-9150". */
uint32_t net_settings_reserved(FILE *list, uint32_t low, uint32_t high);

#endif
