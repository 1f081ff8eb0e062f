/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SYMBOL_RUST_TEXT_H
#define TCPWATCH_SYMBOL_RUST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The letters of a symbol of Rust's v0 mangling, and the text that is made of them. */
struct rust_text {
	const char *from; /* behind "_R" */
	size_t length, at;
	char *to;
	size_t size, used;
	unsigned int muted; /* above 0 while what is read is not written */
	unsigned int steps; /* what has been read and written, for a limit */
	bool failed;	    /* the symbol is not valid, or too costly */
	bool full;	    /* there is no room for more */
};

struct rust_identifier {
	const char *name;
	size_t length;
	uint64_t number; /* tells items of the same name apart */
	bool punycode;
};

/* Whether there is nothing more to do: the symbol is not valid, or the room is full. */
bool rust_text_is_over(const struct rust_text *text);

/* The next letter, or 0 at the end. */
char rust_text_peek(const struct rust_text *text);
/* Takes the next letter. At the end it returns 0, and the symbol is not valid. */
char rust_text_next(struct rust_text *text);
/* Takes the next letter if it is `letter`. */
bool rust_text_take(struct rust_text *text, char letter);

/* Reads a number of base 62 up to its '_'. Returns 0 if there is none, and the symbol is not
 * valid. */
uint64_t rust_text_number(struct rust_text *text);
/* Reads a number behind `letter`, counting from 1. Returns 0 if the letter is not next. */
uint64_t rust_text_optional(struct rust_text *text, char letter);

/* Reads an identifier, with or without the number that may precede it. The name points into the
 * symbol. */
struct rust_identifier rust_text_identifier(struct rust_text *text, bool numbered);

void rust_text_put(struct rust_text *text, const char *words);
void rust_text_put_bytes(struct rust_text *text, const char *bytes, size_t length);
void rust_text_put_number(struct rust_text *text, uint64_t number);
void rust_text_put_character(struct rust_text *text, uint32_t code_point);
void rust_text_put_identifier(struct rust_text *text, const struct rust_identifier *identifier);
/* Reads hexadecimal digits up to their '_', and writes them as a value of this type: 'b' is bool,
 * 'c' char, all others are numbers. */
void rust_text_put_value(struct rust_text *text, char type);
/* Reads pairs of hexadecimal digits up to their '_', and writes the bytes in quotes. */
void rust_text_put_string(struct rust_text *text);

#endif
