// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/negotiate.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* The highest q, in thousandths. */
#define Q_MOST 1000

/* The size of a parameter's value with its 0. No offer has a longer one. */
#define VALUE_LEN 32

struct part {
	const char *text;
	size_t size;
};

/* One entry of the header. */
struct range {
	struct part type, subtype;
	char version[VALUE_LEN]; /* "": any */
	char charset[VALUE_LEN]; /* "": any */
	unsigned int q;
};

/* How much an offer is wanted. */
struct wish {
	unsigned int exactness; /* of the entry that matches; 0: none does */
	unsigned int q;
	size_t place; /* of that entry in the header */
};

static bool is_token(char c)
{
	return c && (isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t");
}

/* Parses a token. Returns its end, or NULL if there is none. */
static const char *take_token(const char *at, struct part *token)
{
	token->text = at;
	while (is_token(*at))
		at++;
	token->size = (size_t)(at - token->text);
	return token->size ? at : NULL;
}

/* Parses a token or a quoted string, without its quotes and backslashes. A value that does not fit
 * is cut, and then matches no offer. Returns its end, or NULL if there is neither. */
static const char *take_value(const char *at, char value[VALUE_LEN])
{
	bool quoted = *at == '"';
	size_t size = 0;

	at += quoted;
	while (quoted ? *at && *at != '"' : is_token(*at)) {
		at += quoted && *at == '\\' && at[1];
		if (size < VALUE_LEN - 1)
			value[size++] = *at;
		at++;
	}
	value[size] = '\0';
	if (quoted)
		return *at ? at + 1 : NULL;
	return size ? at : NULL;
}

/* Parses "0.75"; digits after the third are ignored. Returns false if it is no such number. */
static bool read_q(const char *text, unsigned int *q)
{
	unsigned int value, place = Q_MOST / 10;

	if (*text != '0' && *text != '1')
		return false;
	value = (unsigned int)(*text++ - '0') * Q_MOST;
	if (*text == '.')
		for (text++; isdigit((unsigned char)*text); text++, place /= 10)
			value += (unsigned int)(*text - '0') * place;
	if (*text || value > Q_MOST)
		return false;
	*q = value;
	return true;
}

static bool is_named(const struct part *part, const char *name)
{
	return part->size == strlen(name) && !strncasecmp(part->text, name, part->size);
}

/* Parses the parameters. Returns their end, or NULL if they are not well-formed. */
static const char *take_parameters(const char *at, struct range *range)
{
	char value[VALUE_LEN];
	struct part name;

	for (at = skip_space(at); *at == ';'; at = skip_space(at)) {
		at = skip_space(at + 1);
		if (*at == ';' || *at == ',' || !*at) /* none */
			continue;
		at = take_token(at, &name);
		if (!at || *at != '=')
			return NULL;
		at = take_value(at + 1, value);
		if (!at)
			return NULL;
		if (is_named(&name, "version"))
			memcpy(range->version, value, sizeof(value));
		else if (is_named(&name, "charset"))
			memcpy(range->charset, value, sizeof(value));
		else if (is_named(&name, "q") && !read_q(value, &range->q))
			return NULL;
	}
	return at;
}

/* Parses one entry. Returns its end, or NULL if it is not well-formed. */
static const char *take_range(const char *at, struct range *range)
{
	*range = (struct range){.q = Q_MOST};
	at = take_token(at, &range->type);
	if (!at || *at != '/')
		return NULL;
	at = take_token(at + 1, &range->subtype);
	if (!at)
		return NULL;
	at = take_parameters(at, range);
	return at && (*at == ',' || !*at) ? at : NULL;
}

/* Returns the comma after the entry; one in a quoted string does not end it. */
static const char *skip_entry(const char *at)
{
	bool quoted = false;

	for (; *at && (quoted || *at != ','); at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (quoted && *at == '\\' && at[1])
			at++;
	}
	return at;
}

/* How exactly the range names the offer; 0: it does not match. */
static unsigned int exactness(const struct range *range, const struct http_offer *offer)
{
	const char *slash = strchr(offer->type, '/');
	struct part type = {offer->type, (size_t)(slash - offer->type)};
	bool any = range->type.size == 1 && *range->type.text == '*';
	bool any_sub = range->subtype.size == 1 && *range->subtype.text == '*';

	if (any)
		return any_sub;
	if (range->type.size != type.size ||
	    strncasecmp(range->type.text, type.text, type.size) != 0)
		return 0;
	if (any_sub)
		return 2;
	if (!is_named(&range->subtype, slash + 1))
		return 0;
	if (*range->charset && strcasecmp(range->charset, "utf-8") != 0)
		return 0;
	if (*range->version && strcmp(range->version, offer->version) != 0)
		return 0;
	return 3U + !!*range->version + !!*range->charset;
}

static struct wish wish_for(const char *accept, const struct http_offer *offer)
{
	struct wish wish = {0};
	size_t place = 0;

	for (const char *at = accept; *at; at += *at == ',') {
		struct range range;
		const char *end;
		unsigned int exact;

		at = skip_space(at);
		end = take_range(at, &range);
		place++;
		if (!end) {
			at = skip_entry(at);
			continue;
		}
		at = end;
		exact = exactness(&range, offer);
		/* The most exact entry decides, not the one with the highest q. */
		if (exact > wish.exactness)
			wish = (struct wish){exact, range.q, place};
	}
	return wish;
}

static bool is_better(const struct wish *a, const struct wish *b)
{
	if (a->q != b->q)
		return a->q > b->q;
	if (a->exactness != b->exactness)
		return a->exactness > b->exactness;
	return a->place < b->place;
}

size_t http_negotiate(const char *accept, const struct http_offer *offers, size_t count)
{
	struct wish best = {0};
	size_t chosen = 0;

	if (!accept)
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct wish wish = wish_for(accept, &offers[i]);

		if (!wish.exactness || !wish.q || (best.q && !is_better(&wish, &best)))
			continue;
		best = wish;
		chosen = i;
	}
	return chosen;
}
