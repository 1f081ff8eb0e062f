/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_GO_LANDMARK_H
#define TCPWATCH_GO_LANDMARK_H

#include <stdint.h>

/* A function of ours that nobody calls: what is attached to it does nothing. */
void go_landmark(void);

/* Where it is in our file; 0 if that cannot be told. */
uint64_t go_landmark_offset(void);

#endif
