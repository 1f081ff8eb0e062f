/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_FINDING_H
#define TCPWATCH_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "model/finding_id.h"
#include "model/flow.h"

struct process;

/* The unit of evidence: it gives the suffix of the name in JSON and the format in text. */
enum evidence_unit {
	EVIDENCE_COUNT,	     /* no suffix */
	EVIDENCE_BYTES,	     /* _bytes */
	EVIDENCE_DURATION,   /* _ns */
	EVIDENCE_PER_SECOND, /* _per_second */
	EVIDENCE_PER_MINUTE, /* _per_minute */
	EVIDENCE_PERCENT,    /* _percent */
	EVIDENCE_FLAG,	     /* no suffix; true or false */
	EVIDENCE_TEXT	     /* no suffix */
};

#define EVIDENCE_TEXT_LEN 368

struct evidence {
	const char *name; /* static; words joined by '_' */
	enum evidence_unit unit;
	bool at_least; /* EVIDENCE_DURATION: it is a lower bound */
	union {
		uint64_t count; /* or bytes, nanoseconds, or a flag (0 or 1) */
		double rate;	/* per second or per minute, or percent */
		char text[EVIDENCE_TEXT_LEN];
	};
};

/* The most pieces of evidence of a finding. */
#define FINDING_EVIDENCE 16

/* Which end of its flow a finding is about. */
enum finding_place {
	PLACE_NONE,
	PLACE_LOCAL,  /* a listener */
	PLACE_REMOTE, /* a peer; if its port is 0, all of its ports */
	PLACE_PAIR    /* a local address and a peer; if its port is 0, all peers */
};

enum finding_status { FINDING_OPENED, FINDING_WORSE, FINDING_OVER };

/* A finding as it is reported. It is valid only during the call. */
struct finding {
	enum finding_id id;
	enum finding_status status;
	enum severity severity;
	const struct process *process; /* NULL = no single process, or unknown */
	enum finding_place place;
	struct flow flow;   /* only the part that `place` names is valid */
	uint64_t time_ns;   /* CLOCK_MONOTONIC */
	uint64_t since_ns;  /* when it opened; CLOCK_MONOTONIC */
	const char *says;   /* static; one sentence: what is wrong */
	const char *advice; /* static; what to do */
	unsigned int evidence_count;
	struct evidence evidence[FINDING_EVIDENCE];
};

/* Each adds one piece of evidence. `name` must be static; `text` is copied. Pieces beyond
 * FINDING_EVIDENCE are left out, and a text beyond EVIDENCE_TEXT_LEN is cut. `unit` is one of
 * EVIDENCE_PER_SECOND, EVIDENCE_PER_MINUTE and EVIDENCE_PERCENT. */
void finding_count(struct finding *finding, const char *name, uint64_t count);
void finding_bytes(struct finding *finding, const char *name, uint64_t bytes);
void finding_duration(struct finding *finding, const char *name, uint64_t ns, bool at_least);
void finding_rate(struct finding *finding, const char *name, enum evidence_unit unit, double rate);
void finding_flag(struct finding *finding, const char *name, bool flag);
void finding_text(struct finding *finding, const char *name, const char *text);

/* Writes the place of a finding: "10.0.0.2:80", "10.0.0.2"; "10.0.0.1 -> 10.0.0.2:80" or "10.0.0.1
 * -> *" for a pair; "" for none. Returns text. */
#define FINDING_PLACE_LEN 128
const char *finding_format_place(const struct finding *finding, char text[FINDING_PLACE_LEN]);

/* Returns the finding's piece of evidence with this name; NULL if there is none. */
const struct evidence *finding_evidence(const struct finding *finding, const char *name);

#endif
