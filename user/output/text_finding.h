/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEXT_FINDING_H
#define TCPWATCH_TEXT_FINDING_H

#include <stdio.h>

#include "base/clock.h"
#include "finding/finding.h"
#include "finding/watch.h"
#include "output/text_style.h"

/* Writes a finding as a short block: its name, process, place, evidence and advice. */
void text_finding_put(FILE *file, const struct text_style *style, const struct clock *clock,
		      const struct finding *finding);

/* Writes the same in one line for logs, without the advice. */
void text_finding_put_line(FILE *file, const struct text_style *style, const struct clock *clock,
			   const struct finding *finding);

/* Writes one line for the list of open findings. */
void text_finding_put_open(FILE *file, const struct text_style *style, const struct clock *clock,
			   const struct finding_open *open);

#endif
