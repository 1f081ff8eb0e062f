/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_TEXT_LEAK_H
#define TCPWATCH_TEXT_LEAK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "leak/leak.h"
#include "output/text_style.h"

/* Prints "1.48s", ">= 1.48s" or "unknown" (DURATION_UNKNOWN). */
void text_put_age(FILE *file, uint64_t age_ns, bool at_least);

/* Prints what a line about a leak or an idle connection says after its addresses: age, whether
 * anything was sent since, holders and queues. */
void text_leak_put_facts(FILE *file, const struct text_style *style, const struct leak *leak);

#endif
