/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NET_SETTINGS_H
#define TCPWATCH_NET_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Sysctls of one network namespace that judgements need: net.ipv4.*, which hold for IPv6 too. */
struct net_settings {
	uint32_t port_low; /* ip_local_port_range */
	uint32_t port_high;
	uint32_t ports;		/* in that range, without those of ip_local_reserved_ports */
	uint32_t tw_reuse;	/* tcp_tw_reuse: 0 no, 1 yes, 2 loopback only */
	bool timestamps;	/* tcp_timestamps: without them nothing is reused */
	uint32_t syncookies;	/* tcp_syncookies: 0 never, 1 when full, 2 always */
	uint32_t fin_timeout_s; /* tcp_fin_timeout: of orphans in FIN_WAIT2 */
	uint32_t syn_retries;
	uint32_t synack_retries;
	uint32_t max_syn_backlog;
	uint32_t somaxconn; /* net.core */
};

/* What Linux has where nobody changed it. */
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

/* Reads those of the network namespace that the thread is in. What cannot be read keeps its
 * default; returns 0, or a negative errno where nothing could be read. */
int net_settings_read(struct net_settings *settings);

/* How many ports between low and high a list such as "8080,9148-9150" has; each counts once. */
uint32_t net_settings_reserved(FILE *list, uint32_t low, uint32_t high);

#endif
