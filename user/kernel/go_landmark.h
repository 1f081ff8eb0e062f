/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_LANDMARK_H
#define TCPWATCH_GO_LANDMARK_H

#include <stdint.h>

/* A function of tcpwatch that nothing calls, so that a program attached to it never runs. */
void go_landmark(void);

/* Its offset in tcpwatch's own file; 0 if it is not found. */
uint64_t go_landmark_offset(void);

#endif
