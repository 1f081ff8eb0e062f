/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SCAN_SETTINGS_H
#define TCPWATCH_SCAN_SETTINGS_H

#include <stdint.h>

#include "model/net_settings.h"

/* Reads the settings of the network namespace with this inode. Entering another namespace needs
 * CAP_SYS_ADMIN. Returns 0 or a negative errno: -ENOENT where no visible process is in it. */
int scan_settings(uint32_t netns, struct net_settings *settings);

#endif
