/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_EXPOSITION_H
#define TCPWATCH_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes the exposition formats of Prometheus: text 0.0.4 and OpenMetrics 1.0.0. They differ in the
 * name of a counter's family and in the end of the page. A struct that is zero except for
 * `open_metrics` is an empty page.
 */
struct metric_text {
	char *data; /* not terminated; the caller calls free() */
	size_t size;
	size_t capacity;
	bool open_metrics;
	bool no_memory; /* the page is incomplete */
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Writes the lines HELP and TYPE. The name of a counter is given without "_total". */
void metric_family(struct metric_text *text, const char *name, enum metric_type type,
		   const char *help);

/* Write one sample, together with one of the values below: first its name, then its labels
 * ("a=\"b\",c=\"d\"" or ""), `size` bytes. */
void metric_name(struct metric_text *text, const char *name, const char *suffix);
void metric_labels_text(struct metric_text *text, const char *labels, size_t size);

/* Writes the name and the labels of a bucket: the name of its family, its labels, and its bound,
 * which has no characters that need escaping. */
void metric_bucket(struct metric_text *text, const char *name, const char *labels, size_t size,
		   const char *bound);

/* Writes a value and ends the line. */
void metric_value_u64(struct metric_text *text, uint64_t value);

/* Writes nanoseconds as seconds with nine decimals and ends the line. */
void metric_value_seconds(struct metric_text *text, uint64_t ns);

/* Writes the end of the page. */
void metric_text_end(struct metric_text *text);

/*
 * Appends `name="value"` to labels of `size` bytes, after a comma if it is not the first label. The
 * value is escaped, and bytes that are not UTF-8 become U+FFFD. Returns the new size, at most
 * `capacity`; a label that does not fit is left out.
 */
size_t metric_label_add(char *labels, size_t size, size_t capacity, const char *name,
			const char *value, size_t value_size);

#endif
