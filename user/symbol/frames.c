// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/frames.h"

size_t symbol_cfi_check(const uint64_t *frames, size_t count, const struct symbol_cfi_rules *rules,
			bool *gap)
{
	size_t real = count ? 1 : 0;

	while (real < count && rules->is_code(rules->context, frames[real]))
		real++;
	*gap = false;
	for (size_t i = 1; i + 1 < real && !*gap; i++)
		*gap = rules->kind(rules->context, frames[i]) == UNWIND_STACK;
	return real;
}
