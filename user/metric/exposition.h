/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_METRIC_TEXT_H
#define TCPWATCH_METRIC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes the exposition formats of Prometheus: text 0.0.4, and OpenMetrics 1.0.0. What differs is
 * the name of a counter's family, and the end. All zero, but for `open_metrics`, is an empty one.
 */
struct metric_text {
	char *data; /* not terminated; free() it */
	size_t size;
	size_t capacity;
	bool open_metrics;
	bool no_memory; /* something was left out */
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* HELP and TYPE. The name of a counter is given without its _total. */
void metric_family(struct metric_text *text, const char *name, enum metric_type type,
		   const char *help);

/* One sample: its name, labels ("a=\"b\",c=\"d\"" or "") and value follow each other. */
void metric_name(struct metric_text *text, const char *name, const char *suffix);
void metric_labels_text(struct metric_text *text, const char *labels, size_t size);
/* The same for a bucket: its family's name, and its bound, in which nothing needs escaping. */
void metric_bucket(struct metric_text *text, const char *name, const char *labels, size_t size,
		   const char *bound);

void metric_value_u64(struct metric_text *text, uint64_t value);

/* In seconds, with all nine digits. */
void metric_value_seconds(struct metric_text *text, uint64_t ns);

/* The end of the page. */
void metric_text_end(struct metric_text *text);

/* Adds `name="value"` to labels of the given size, with what must be escaped, and a comma before it
 * if it is not the first; bytes that are not UTF-8 become U+FFFD. Returns the new size, at most
 * capacity; what does not fit is left out. */
size_t metric_label_add(char *labels, size_t size, size_t capacity, const char *name,
			const char *value, size_t value_size);

#endif
