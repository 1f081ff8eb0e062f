/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FEATURE_H
#define TCPWATCH_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

/* What a kernel and its privileges may or may not allow, most needed first. */
enum feature {
	FEATURE_TRANSITIONS,
	FEATURE_DESCRIPTORS,
	FEATURE_TABLES,
	FEATURE_CLOSES,	       /* only where FEATURE_ACCEPT is not */
	FEATURE_FORKS,	       /* only with -f or -s */
	FEATURE_ACCEPT_STACKS, /* only with -s, where FEATURE_ACCEPT is not */
	FEATURE_GO_REQUESTS,   /* only with -s */
	FEATURE_GO_STARTS,     /* likewise */
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
	const char *name;    /* in outputs; a promise */
	const char *program; /* the BPF program behind it */
	const char *twin;    /* a second one that goes with it; NULL = none */
	const char *gives;   /* what it shows */
	const char *loses;   /* what is not seen without it */
	bool core;	     /* nothing works without it */
	bool full;	     /* needs fentry or fexit: part of the full mode */
};

extern const struct feature_info feature_infos[FEATURES];

/* A set of features: bit n is feature n. */
typedef uint32_t feature_set;

static inline bool feature_has(feature_set set, enum feature feature)
{
	return set >> feature & 1;
}

/* All features that make the full mode. */
feature_set feature_set_full(void);

/* All features that only -s asks for. */
feature_set feature_set_stacks(void);

/* Is it one that is loaded only where an option asks for it? */
bool feature_is_optional(enum feature feature);

/* Is it one that this kernel, or these privileges, keep from us? Never an optional one. */
bool feature_is_missing(feature_set set, enum feature feature);

/* Is there any such? */
bool feature_any_missing(feature_set set);

/* "full" where any of the full mode's programs works, else "tracepoints". */
const char *feature_mode(feature_set set);

#endif
