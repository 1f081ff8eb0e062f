/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_NETNS_ENTER_H
#define TCPWATCH_NETNS_ENTER_H

#include <stdint.h>

/* A descriptor of the network namespace that we are in, or a negative errno. The caller closes it.
 */
int netns_home(void);

/*
 * Calls inside() within the network namespace of a process, and comes back; needs CAP_SYS_ADMIN.
 * Returns 0 or a negative errno: then inside() was not called. Ends the program where there is no
 * way back.
 */
int netns_enter(int home_fd, uint32_t pid, void (*inside)(void *context), void *context);

#endif
