/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_TEXT_H
#define TCPWATCH_SYMBOL_TEXT_H

#include <stddef.h>

/* Bytes of all texts; after that new ones are not kept. */
#define SYMBOL_TEXTS_MAX (16U << 20)

/* Texts, each kept once, until the end. Zeroed: empty. */
struct symbol_texts {
	struct symbol_text *texts;
	size_t bytes;
};

/* The kept copy; NULL for "" and where there is no room. */
const char *symbol_texts_keep(struct symbol_texts *texts, const char *text);
void symbol_texts_clear(struct symbol_texts *texts);

#endif
