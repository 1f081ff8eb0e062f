/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PRIVILEGES_H
#define TCPWATCH_PRIVILEGES_H

#include <stdbool.h>

/*
 * After everything is loaded and attached: gives up, for good, the capabilities that are not needed
 * to go on. Those stay, of the ones that we have: CAP_BPF and CAP_PERFMON (a scan makes an
 * iterator), CAP_SYS_ADMIN (to enter network namespaces), CAP_SYS_PTRACE (to find them), and, with
 * `files`, CAP_DAC_READ_SEARCH (to read the web config and its keys again). Also sets
 * no_new_privs. Returns 0 or a negative errno.
 */
int privileges_drop(bool files);

#endif
