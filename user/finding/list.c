// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "finding/list.h"

#include <errno.h>
#include <stdlib.h>

static int compare_findings(const void *a, const void *b)
{
	const struct subject *x = ((const struct finding_open *)a)->subject;
	const struct subject *y = ((const struct finding_open *)b)->subject;

	if (x->severity != y->severity)
		return x->severity < y->severity ? 1 : -1;
	if (x->since_ns != y->since_ns)
		return x->since_ns > y->since_ns ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

int finding_list_build(struct finding_list *list, const struct finding_watch *watch)
{
	const struct subject *subject = NULL;
	size_t count = 0;

	*list = (struct finding_list){0};
	while ((subject = finding_watch_next(watch, subject)))
		count++;
	list->open = calloc(count ? count : 1, sizeof(*list->open));
	if (!list->open)
		return -ENOMEM;
	while ((subject = finding_watch_next(watch, subject)))
		list->open[list->count++] = (struct finding_open){
			.subject = subject,
			.process = finding_watch_named(watch, subject),
		};
	qsort(list->open, list->count, sizeof(*list->open), compare_findings);
	return 0;
}

void finding_list_clear(struct finding_list *list)
{
	free(list->open);
	*list = (struct finding_list){0};
}
