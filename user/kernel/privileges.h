/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_PRIVILEGES_H
#define TCPWATCH_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

#define PRIVILEGES_TEXT_LEN 320

/* A capability that tcpwatch has a use for. */
struct privilege {
	unsigned int number; /* CAP_... */
	const char *name;
	const char *loses; /* what does not work without it */
};

#define PRIVILEGES 5
extern const struct privilege privileges[PRIVILEGES];

/* Whether tcpwatch has the capability in its effective set. As in the kernel (bpf_capable() and
 * perfmon_capable() in include/linux/capability.h), CAP_SYS_ADMIN includes CAP_BPF and
 * CAP_PERFMON. */
bool privileges_has(unsigned int capability);

/* Names the capabilities that every run needs and that are missing, such as "CAP_BPF and
 * CAP_PERFMON"; "" if there are none. */
const char *privileges_missing_core(void);

/*
 * Writes what cannot be seen because other capabilities are missing, why, and the remedy: one line
 * without a newline. Returns text, or NULL if nothing is lost.
 */
const char *privileges_costs(char text[PRIVILEGES_TEXT_LEN]);

/*
 * Drops, for good, the capabilities that are not needed after everything is loaded and attached. Of
 * those that tcpwatch has, these stay:
 *
 * - CAP_BPF: a scan creates an iterator, for which old kernels require it
 * - CAP_SYS_ADMIN: to enter network namespaces, and to open programs whose files were deleted
 * - CAP_SYS_PTRACE: to find namespaces, and what processes have mapped
 * - CAP_DAC_READ_SEARCH, with `files`: to read the web config and its keys again, and the programs
 *   of stacks
 * - CAP_KILL, with `signals`: to pass signals on to a command of another user, and so that the
 *   symbol processes, which have another user, die with tcpwatch: the kernel sends PR_SET_PDEATHSIG
 *   with the rights of the parent (forget_original_parent() in kernel/exit.c)
 * - CAP_PERFMON, with `probes`: to attach probes to programs that are started later
 *
 * Empties the ambient and inheritable sets and sets no_new_privs; with CAP_SETPCAP also empties the
 * bounding set and locks the securebits. It changes only the calling thread, so call it before
 * there are others. Returns 0 or a negative errno.
 */
int privileges_drop(bool files, bool signals, bool probes);

#endif
