/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_LIST_H
#define TCPWATCH_FINDING_LIST_H

#include <stddef.h>

#include "finding/watch.h"

/* A finding that is open. */
struct finding_open {
	const struct subject *subject;
	const struct process *process; /* NULL = no single one, or unknown */
};

/* Those that are open, worst first, then oldest. Valid until the next look. */
struct finding_list {
	struct finding_open *open;
	size_t count;
};

/* Returns 0 or -ENOMEM, then the list is empty. The caller frees it with finding_list_clear(). */
int finding_list_build(struct finding_list *list, const struct finding_watch *watch);

void finding_list_clear(struct finding_list *list);

#endif
