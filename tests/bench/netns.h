/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef BENCH_NETNS_H
#define BENCH_NETNS_H

#include <err.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A network namespace of our own, with loopback up and every port free: what is set here, and the
 * TIME_WAIT sockets left behind, die with the process. Call it before any thread starts.
 */
static inline void enter_own_netns(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	FILE *range;
	int fd;

	if (unshare(CLONE_NEWNET))
		err(1, "cannot make a network namespace (are you root?)");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		err(1, "cannot bring loopback up");
	close(fd);
	range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
	if (!range || fputs("1024 65535", range) < 0 || fclose(range))
		err(1, "cannot widen ip_local_port_range");
}

#endif
