// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/text_suppressions.h"

#include <string.h>

#include "leak/suppression_gen.h"
#include "leak/suppressions.h"

void text_suppressions_put_used(FILE *file, const struct text_style *style, const struct view *view)
{
	const struct suppression *each;
	char count[COUNT_TEXT_LEN];
	size_t all = 0, used = 0;

	if (!view->suppressions)
		return;
	for (; (each = suppressions_at(view->suppressions, all)); all++) {
		if (!each->count)
			continue;
		if (!used++)
			fputs("\nSuppressions used:\n     count  pattern\n", file);
		fprintf(file, "  %8s  ", text_count(each->count, count));
		text_put_name(style, file, each->text);
		putc('\n', file);
	}
	if (used == all)
		return;
	if (used)
		fprintf(file, "  %zu of %zu %s not used; -j lists them all.\n", all - used, all,
			all - used == 1 ? "was" : "were");
	else
		fprintf(file, "\nSuppressions used: none of %zu.\n", all);
}

static void put_one(FILE *file, const struct text_style *style, const struct suppression_made *made)
{
	char count[COUNT_TEXT_LEN];

	fprintf(file, "# %s %s", text_count(made->count, count), leak_kind_name(made->kind));
	if (*made->comm) {
		fputs(" of ", file);
		text_put_name(style, file, made->comm);
	}
	fprintf(file, "\n%s\n", made->text);
}

void text_suppressions_put_made(FILE *file, const struct text_style *style, const struct view *view)
{
	const struct suppression_made *made;
	uint64_t left_out;

	if (!view->made)
		return;
	if (!suppression_gen_at(view->made, 0)) {
		fputs("\n# There is nothing to suppress: no leak was reported.\n", file);
		return;
	}
	fputs("\n# With these lines in FILE, --suppressions=FILE ignores what was reported:\n",
	      file);
	for (size_t i = 0; (made = suppression_gen_at(view->made, i)); i++)
		put_one(file, style, made);
	left_out = suppression_gen_left_out(view->made);
	if (left_out)
		fprintf(file, "# and %llu more leak%s that these lines do not ignore\n",
			(unsigned long long)left_out, left_out == 1 ? "" : "s");
}
