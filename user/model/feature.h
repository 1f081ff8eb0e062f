/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FEATURE_H
#define TCPWATCH_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

/* The kinds of records and scans that a kernel and the privileges may or may not allow, the most
 * important first. */
enum feature {
	FEATURE_TRANSITIONS,
	FEATURE_DESCRIPTORS,
	FEATURE_TABLES,
	FEATURE_NAMESPACES,
	FEATURE_CLOSES,	       /* only if there is no FEATURE_ACCEPT */
	FEATURE_FORKS,	       /* only with -f or -s */
	FEATURE_ACCEPT_STACKS, /* only with -s, if there is no FEATURE_ACCEPT */
	FEATURE_GO_REQUESTS,   /* only with -s */
	FEATURE_GO_STARTS,     /* only with -s */
	FEATURE_ACCEPT,
	FEATURE_TIME_WAIT,
	FEATURE_FIN_WAIT2,
	FEATURE_OVERFLOW,
	FEATURE_HALF_OPEN,
	FEATURE_RETRANSMITS,
	FEATURE_SYNACKS,
	FEATURE_RESETS_SENT,
	FEATURE_RESETS_RECEIVED,
	FEATURES
};

struct feature_info {
	const char *name;    /* in outputs; never changes */
	const char *program; /* its BPF program */
	const char *twin;    /* a second BPF program; NULL = none */
	const char *gives;   /* for --features: what it shows */
	const char *loses;   /* for --features: what is not seen without it */
	bool core;	     /* tcpwatch does not work without it */
	bool full;	     /* it needs fentry or fexit and is part of the full mode */
};

extern const struct feature_info feature_infos[FEATURES];

/* A set of features: bit n is feature n. */
typedef uint32_t feature_set;

static inline bool feature_has(feature_set set, enum feature feature)
{
	return set >> feature & 1;
}

/* All features of the full mode. */
feature_set feature_set_full(void);

/* All features that only -s needs. */
feature_set feature_set_stacks(void);

/* Whether it is loaded only if an option needs it. */
bool feature_is_optional(enum feature feature);

/* Whether this kernel or these privileges do not allow it. False for an optional feature. */
bool feature_is_missing(feature_set set, enum feature feature);

/* Whether any feature is missing. */
bool feature_any_missing(feature_set set);

/* "full" if any program of the full mode works, else "tracepoints". */
const char *feature_mode(feature_set set);

#endif
