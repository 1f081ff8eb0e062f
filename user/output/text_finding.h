/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEXT_FINDING_H
#define TCPWATCH_TEXT_FINDING_H

#include <stdio.h>

#include "base/clock.h"
#include "finding/finding.h"
#include "finding/watch.h"
#include "output/text_style.h"

/* Writes a finding as a short block: what, who, since when, evidence, what to do. */
void text_finding_put(FILE *file, const struct text_style *style, const struct clock *clock,
		      const struct finding *finding);

/* The same in one line, for logs: without what to do. */
void text_finding_put_line(FILE *file, const struct text_style *style, const struct clock *clock,
			   const struct finding *finding);

/* One line of a list of those that are open. */
void text_finding_put_open(FILE *file, const struct text_style *style, const struct clock *clock,
			   const struct finding_open *open);

#endif
