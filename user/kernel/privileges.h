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
	const char *loses; /* what is not to be had without it */
};

#define PRIVILEGES 5
extern const struct privilege privileges[PRIVILEGES];

/* Is it in force for us? CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON as well, as in the
 * kernel. */
bool privileges_has(unsigned int capability);

/* Names those that every run needs and we have not: "CAP_BPF and CAP_PERFMON"; "" if none. */
const char *privileges_missing_core(void);

/*
 * What is not seen for want of the others, why, and the remedy: one line without its end. Returns
 * NULL if nothing is lost.
 */
const char *privileges_costs(char text[PRIVILEGES_TEXT_LEN]);

/*
 * After everything is loaded and attached: gives up, for good, what is not needed to go on. Of the
 * capabilities that we have, those stay: CAP_BPF (a scan makes an iterator, which old kernels ask
 * it for), CAP_SYS_ADMIN (to enter network namespaces, and for programs whose files are gone),
 * CAP_SYS_PTRACE (to find them, and what processes have mapped) and, with `files`,
 * CAP_DAC_READ_SEARCH (to read the web config and its keys again, and the programs of stacks), with
 * `signals`, CAP_KILL (to pass signals on to a command of another user), with `probes`, CAP_PERFMON
 * (to attach to programs that are started later). The ambient and inheritable sets are emptied, the
 * bounding set too and the securebits locked where we may do that, and no_new_privs is set. For the
 * calling thread: call it before there are others. Returns 0 or a negative errno.
 */
int privileges_drop(bool files, bool signals, bool probes);

#endif
