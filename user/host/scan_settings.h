/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_SETTINGS_H
#define TCPWATCH_SCAN_SETTINGS_H

#include <stdint.h>

#include "host/netns.h"
#include "model/net_settings.h"

/* Reads the settings of the network namespace with this inode: tcpwatch's own, or one of the list.
 * Entering another namespace needs CAP_SYS_ADMIN. Returns 0 or a negative errno: -ENOENT where it
 * is not in the list, or its process has left it. */
int scan_settings(uint32_t netns, const struct netns_list *list, struct net_settings *settings);

#endif
