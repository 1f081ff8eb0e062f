/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_METRIC_LABELS_H
#define TCPWATCH_METRIC_LABELS_H

#include <stdbool.h>

/* The labels that metrics have in addition to comm (--label). */
struct metric_labels {
	bool pid;
	bool cgroup;
	bool netns;
};

#endif
