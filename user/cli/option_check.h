/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_OPTION_CHECK_H
#define TCPWATCH_OPTION_CHECK_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#define OPTION_FAULT_LEN 320

/* What getopt() would refuse. */
struct option_fault {
	int index;		     /* of the argument in argv; argc if there is no fault */
	char text[OPTION_FAULT_LEN]; /* names the option and says what would be right */
};

/*
 * Looks for the first argument that is not an option of *argp or its children, or has a value too
 * many or too few, by the rules of getopt_long() with ARGP_IN_ORDER, up to "--". Values are not
 * looked at. Returns whether there is one; *fault is always written.
 *
 * glibc's getopt prints messages in a form of its own, and argp has no way to replace them. With
 * the arguments before fault->index alone, getopt finds nothing to complain about.
 */
bool option_check_find(const struct argp *argp, int argc, char **argv, struct option_fault *fault);

#endif
