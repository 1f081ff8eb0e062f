// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/rust_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A name of 512 bytes takes some hundred steps; 65,536 take about 1 ms. */
#define STEPS_MAX 65536

#define CODE_POINTS_MAX 128

bool rust_text_is_over(const struct rust_text *text)
{
	return text->failed || text->full;
}

char rust_text_peek(const struct rust_text *text)
{
	if (text->at == text->length)
		return '\0';
	return text->from[text->at];
}

char rust_text_next(struct rust_text *text)
{
	if (text->at == text->length || ++text->steps > STEPS_MAX) {
		text->failed = true;
		return '\0';
	}
	return text->from[text->at++];
}

bool rust_text_take(struct rust_text *text, char letter)
{
	if (rust_text_peek(text) != letter)
		return false;
	rust_text_next(text);
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 36;
	return -1;
}

/* "_" is 0, "0_" is 1, "1_" is 2. */
uint64_t rust_text_number(struct rust_text *text)
{
	uint64_t sum = 0;

	if (rust_text_take(text, '_'))
		return 0;
	while (!rust_text_take(text, '_')) {
		int digit = digit_of(rust_text_next(text));

		if (digit < 0 || __builtin_mul_overflow(sum, 62, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)digit, &sum)) {
			text->failed = true;
			return 0;
		}
	}
	return sum + 1;
}

uint64_t rust_text_optional(struct rust_text *text, char letter)
{
	return rust_text_take(text, letter) ? rust_text_number(text) + 1 : 0;
}

static bool is_decimal(char c)
{
	return c >= '0' && c <= '9';
}

static size_t read_length(struct rust_text *text)
{
	size_t sum = 0;

	if (!is_decimal(rust_text_peek(text)))
		text->failed = true;
	if (text->failed || rust_text_take(text, '0'))
		return 0;
	while (is_decimal(rust_text_peek(text))) {
		sum = sum * 10 + (size_t)(rust_text_next(text) - '0');
		if (text->failed || sum > text->length) {
			text->failed = true;
			return 0;
		}
	}
	return sum;
}

struct rust_identifier rust_text_identifier(struct rust_text *text, bool numbered)
{
	struct rust_identifier identifier = {.name = ""};
	size_t length;

	if (numbered)
		identifier.number = rust_text_optional(text, 's');
	identifier.punycode = rust_text_take(text, 'u');
	length = read_length(text);
	/* It separates the length from names that begin with a digit or with '_'. */
	rust_text_take(text, '_');
	if (text->failed || length > text->length - text->at) {
		text->failed = true;
		return identifier;
	}
	identifier.name = text->from + text->at;
	identifier.length = length;
	text->at += length;
	return identifier;
}

void rust_text_put_bytes(struct rust_text *text, const char *bytes, size_t length)
{
	if (++text->steps > STEPS_MAX)
		text->failed = true;
	if (text->muted || rust_text_is_over(text))
		return;
	if (length > text->size - 1 - text->used) {
		length = text->size - 1 - text->used;
		text->full = true;
	}
	memcpy(text->to + text->used, bytes, length);
	text->used += length;
	text->to[text->used] = '\0';
}

void rust_text_put(struct rust_text *text, const char *words)
{
	rust_text_put_bytes(text, words, strlen(words));
}

void rust_text_put_number(struct rust_text *text, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, number);
	rust_text_put(text, digits);
}

void rust_text_put_character(struct rust_text *text, uint32_t code)
{
	char bytes[4];
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
		text->failed = true;
		return;
	}
	if (length == 1)
		bytes[0] = (char)code;
	else
		bytes[0] = (char)((0xf00 >> length) | code >> (6 * (length - 1)));
	for (size_t i = 1; i < length; i++)
		bytes[i] = (char)(0x80 | (code >> (6 * (length - 1 - i)) & 0x3f));
	rust_text_put_bytes(text, bytes, length);
}

/* The bias of RFC 3492, 6.1. */
static uint32_t adapt(uint32_t delta, uint32_t count, bool first)
{
	uint32_t k = 0;

	delta /= first ? 700 : 2;
	delta += delta / count;
	for (; delta > 35 * 26 / 2; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

/* Digits are a to z, then 0 to 9. */
static int punycode_digit(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return is_decimal(c) ? c - '0' + 26 : -1;
}

/* Reads how far the next character is from the last one. Returns false if it is not valid. */
static bool read_delta(const char **at, const char *end, uint32_t bias, uint32_t *delta)
{
	uint64_t sum = 0, weight = 1;

	for (uint32_t k = 36;; k += 36) {
		uint32_t least = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
		int digit = *at < end ? punycode_digit(*(*at)++) : -1;

		if (digit < 0)
			return false;
		sum += (uint64_t)digit * weight;
		if (sum > INT32_MAX)
			return false;
		if ((uint32_t)digit < least) {
			*delta = (uint32_t)sum;
			return true;
		}
		weight *= 36 - least;
		if (weight > INT32_MAX)
			return false;
	}
}

/* RFC 3492, with '_' in the place of '-'. Returns how many code points there are, or 0. */
static size_t decode(const struct rust_identifier *identifier, uint32_t codes[CODE_POINTS_MAX])
{
	const char *name = identifier->name, *end = name + identifier->length;
	const char *last = memrchr(name, '_', identifier->length);
	size_t count = last ? (size_t)(last - name) : 0;
	const char *at = last ? last + 1 : name;
	uint32_t code = 0x80, bias = 72, place = 0;
	bool first = true;

	if (count >= CODE_POINTS_MAX)
		return 0;
	for (size_t i = 0; i < count; i++)
		codes[i] = (unsigned char)name[i];
	while (at < end) {
		uint32_t delta;

		if (count == CODE_POINTS_MAX || !read_delta(&at, end, bias, &delta))
			return 0;
		place += delta;
		count++;
		bias = adapt(delta, (uint32_t)count, first);
		first = false;
		code += place / (uint32_t)count;
		place %= (uint32_t)count;
		if (code > 0x10ffff)
			return 0;
		memmove(codes + place + 1, codes + place, (count - 1 - place) * sizeof(codes[0]));
		codes[place++] = code;
	}
	return count;
}

void rust_text_put_identifier(struct rust_text *text, const struct rust_identifier *identifier)
{
	uint32_t codes[CODE_POINTS_MAX];
	size_t count = 0;

	if (!identifier->punycode) {
		rust_text_put_bytes(text, identifier->name, identifier->length);
		return;
	}
	if (!text->muted && !rust_text_is_over(text))
		count = decode(identifier, codes);
	for (size_t i = 0; i < count; i++)
		rust_text_put_character(text, codes[i]);
	if (count)
		return;
	rust_text_put(text, "punycode{");
	rust_text_put_bytes(text, identifier->name, identifier->length);
	rust_text_put(text, "}");
}

static int hex_digit(char c)
{
	if (is_decimal(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void rust_text_put_value(struct rust_text *text, char type)
{
	const char *digits = text->from + text->at;
	size_t length = 0;
	uint64_t value = 0;

	for (char c; (c = rust_text_next(text)) != '_'; length++) {
		if (hex_digit(c) < 0) {
			text->failed = true;
			return;
		}
		value = value << 4 | (uint64_t)hex_digit(c);
	}
	for (; length && *digits == '0'; length--)
		digits++;
	if (type == 'b') {
		rust_text_put(text, value ? "true" : "false");
	} else if (type == 'c') {
		rust_text_put(text, "'");
		rust_text_put_character(text, (uint32_t)value);
		rust_text_put(text, "'");
	} else if (length > 16) {
		rust_text_put(text, "0x");
		rust_text_put_bytes(text, digits, length);
	} else {
		rust_text_put_number(text, value);
	}
}

void rust_text_put_string(struct rust_text *text)
{
	unsigned int half = 0;
	int high = 0;

	rust_text_put(text, "\"");
	for (char c; (c = rust_text_next(text)) != '_'; half ^= 1) {
		int digit = hex_digit(c);
		char byte = (char)(high << 4 | (digit & 0xf));

		if (digit < 0) {
			text->failed = true;
			return;
		}
		if (half)
			rust_text_put_bytes(text, &byte, 1);
		high = digit;
	}
	rust_text_put(text, "\"");
}
