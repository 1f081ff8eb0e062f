/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_VERSION_H
#define TCPWATCH_VERSION_H

#define TCPWATCH_VERSION "0.1.0"

#endif
