// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/rust.h"

#include <stdint.h>
#include <string.h>

#include "symbol/rust_text.h"

/* The grammar is that of https://doc.rust-lang.org/rustc/symbol-mangling/v0.html. */

#define SYMBOL_MAX   8192
#define DEPTH_MAX    128
#define NAME_MAX_LEN 1024

struct demangler {
	struct rust_text text;
	unsigned int depth;
	uint64_t lifetimes; /* how many names of lifetimes `for<>` has bound around here */
	bool generic;	    /* whether the path before ended with '>' of its arguments */
};

static void put_path(struct demangler *d, bool in_value);
static void put_type(struct demangler *d);
static void put_const(struct demangler *d);

static bool enter(struct demangler *d)
{
	if (d->depth == DEPTH_MAX)
		d->text.failed = true;
	if (rust_text_is_over(&d->text))
		return false;
	d->depth++;
	return true;
}

enum part { PART_PATH, PART_TYPE, PART_CONST };

/* Writes what stands earlier in the symbol. */
static void put_reference(struct demangler *d, enum part part, bool in_value)
{
	size_t before = d->text.at - 1, behind;
	uint64_t place = rust_text_number(&d->text);

	behind = d->text.at;
	if (place >= before)
		d->text.failed = true;
	if (d->text.muted || rust_text_is_over(&d->text))
		return;
	d->text.at = place;
	if (part == PART_PATH)
		put_path(d, in_value);
	else if (part == PART_TYPE)
		put_type(d);
	else
		put_const(d);
	d->text.at = behind;
}

/* 0 is a lifetime without a name, 1 the innermost one that is bound. */
static void put_lifetime(struct demangler *d, uint64_t index)
{
	uint64_t depth = d->lifetimes - index;
	char letter = (char)('a' + depth % 26);

	if (index > d->lifetimes) {
		d->text.failed = true;
		return;
	}
	rust_text_put(&d->text, "'");
	if (!index) {
		rust_text_put(&d->text, "_");
	} else if (depth < 26) {
		rust_text_put_bytes(&d->text, &letter, 1);
	} else {
		rust_text_put(&d->text, "_");
		rust_text_put_number(&d->text, depth);
	}
}

/* Writes "for<'a, 'b> ". Returns how many lifetimes are bound, for the caller to unbind. */
static uint64_t put_binder(struct demangler *d)
{
	uint64_t count = rust_text_optional(&d->text, 'G');

	if (!count)
		return 0;
	if (count > SYMBOL_MAX) {
		d->text.failed = true;
		return 0;
	}
	rust_text_put(&d->text, "for<");
	for (uint64_t i = 0; i < count; i++) {
		if (i)
			rust_text_put(&d->text, ", ");
		d->lifetimes++;
		put_lifetime(d, 1);
	}
	rust_text_put(&d->text, "> ");
	return count;
}

static void put_generic(struct demangler *d)
{
	if (rust_text_take(&d->text, 'L'))
		put_lifetime(d, rust_text_number(&d->text));
	else if (rust_text_take(&d->text, 'K'))
		put_const(d);
	else
		put_type(d);
}

/* Writes what `put` writes, up to the 'E', with commas. Returns how many there were. */
static size_t put_list(struct demangler *d, void (*put)(struct demangler *d))
{
	size_t count = 0;

	for (; !rust_text_is_over(&d->text) && !rust_text_take(&d->text, 'E'); count++) {
		if (count)
			rust_text_put(&d->text, ", ");
		put(d);
	}
	return count;
}

static void put_nested(struct demangler *d, bool in_value)
{
	char space = rust_text_next(&d->text);
	char letter[2] = {space, '\0'};
	bool special = space >= 'A' && space <= 'Z';
	struct rust_identifier name;

	if (!special && (space < 'a' || space > 'z')) {
		d->text.failed = true;
		return;
	}
	put_path(d, in_value);
	name = rust_text_identifier(&d->text, true);
	if (!special) {
		if (name.length) {
			rust_text_put(&d->text, "::");
			rust_text_put_identifier(&d->text, &name);
		}
		return;
	}
	rust_text_put(&d->text, "::{");
	rust_text_put(&d->text, space == 'C' ? "closure" : space == 'S' ? "shim" : letter);
	if (name.length) {
		rust_text_put(&d->text, ":");
		rust_text_put_identifier(&d->text, &name);
	}
	rust_text_put(&d->text, "#");
	rust_text_put_number(&d->text, name.number);
	rust_text_put(&d->text, "}");
}

/* The path of an `impl` says where it stands, which names do not show. */
static void skip_impl_path(struct demangler *d)
{
	d->text.muted++;
	rust_text_optional(&d->text, 's');
	put_path(d, false);
	d->text.muted--;
}

static void put_path_of(struct demangler *d, char tag, bool in_value)
{
	struct rust_identifier crate;

	switch (tag) {
	case 'C':
		crate = rust_text_identifier(&d->text, true);
		rust_text_put_identifier(&d->text, &crate);
		break;
	case 'N':
		put_nested(d, in_value);
		break;
	case 'M':
	case 'X':
	case 'Y':
		if (tag != 'Y')
			skip_impl_path(d);
		rust_text_put(&d->text, "<");
		put_type(d);
		if (tag != 'M') {
			rust_text_put(&d->text, " as ");
			put_path(d, false);
		}
		rust_text_put(&d->text, ">");
		break;
	case 'I':
		put_path(d, in_value);
		rust_text_put(&d->text, in_value ? "::<" : "<");
		put_list(d, put_generic);
		rust_text_put(&d->text, ">");
		break;
	case 'B':
		put_reference(d, PART_PATH, in_value);
		break;
	default:
		d->text.failed = true;
	}
}

static void put_path(struct demangler *d, bool in_value)
{
	char tag;

	if (!enter(d))
		return;
	tag = rust_text_next(&d->text);
	put_path_of(d, tag, in_value);
	if (tag != 'B')
		d->generic = tag == 'I';
	d->depth--;
}

/* Writes a trait, with the types that it is bound to: "Iterator<Item = u8>". */
static void put_trait(struct demangler *d)
{
	bool open;

	put_path(d, false);
	open = d->generic;
	for (; !rust_text_is_over(&d->text) && rust_text_take(&d->text, 'p'); open = true) {
		struct rust_identifier name = rust_text_identifier(&d->text, false);

		if (open && !d->text.muted)
			d->text.used--;
		rust_text_put(&d->text, open ? ", " : "<");
		rust_text_put_identifier(&d->text, &name);
		rust_text_put(&d->text, " = ");
		put_type(d);
		rust_text_put(&d->text, ">");
	}
}

static void put_dyn(struct demangler *d)
{
	uint64_t bound, lifetime;
	size_t count = 0;

	rust_text_put(&d->text, "dyn ");
	bound = put_binder(d);
	for (; !rust_text_is_over(&d->text) && !rust_text_take(&d->text, 'E'); count++) {
		if (count)
			rust_text_put(&d->text, " + ");
		put_trait(d);
	}
	d->lifetimes -= bound;
	if (!rust_text_take(&d->text, 'L'))
		d->text.failed = true;
	lifetime = rust_text_number(&d->text);
	if (!lifetime)
		return;
	rust_text_put(&d->text, " + ");
	put_lifetime(d, lifetime);
}

static void put_abi(struct demangler *d)
{
	struct rust_identifier abi = {.name = "C", .length = 1};

	if (!rust_text_take(&d->text, 'C'))
		abi = rust_text_identifier(&d->text, false);
	rust_text_put(&d->text, "extern \"");
	for (size_t i = 0; i < abi.length; i++)
		rust_text_put_bytes(&d->text, abi.name[i] == '_' ? "-" : abi.name + i, 1);
	rust_text_put(&d->text, "\" ");
}

static void put_function_type(struct demangler *d)
{
	uint64_t bound = put_binder(d);

	if (rust_text_take(&d->text, 'U'))
		rust_text_put(&d->text, "unsafe ");
	if (rust_text_take(&d->text, 'K'))
		put_abi(d);
	rust_text_put(&d->text, "fn(");
	put_list(d, put_type);
	rust_text_put(&d->text, ")");
	if (!rust_text_take(&d->text, 'u')) {
		rust_text_put(&d->text, " -> ");
		put_type(d);
	}
	d->lifetimes -= bound;
}

static const char *basic_type(char tag)
{
	static const char *const names['z' - 'a' + 1] = {
		"i8",	 "bool", "char", "f64", "str",	"f32",	NULL,  "u8", "isize",
		"usize", NULL,	 "i32",	 "u32", "i128", "u128", "_",   NULL, NULL,
		"i16",	 "u16",	 "()",	 "...", NULL,	"i64",	"u64", "!"};

	return tag >= 'a' && tag <= 'z' ? names[tag - 'a'] : NULL;
}

static void put_borrow(struct demangler *d, char tag)
{
	uint64_t lifetime;

	rust_text_put(&d->text, "&");
	if (rust_text_take(&d->text, 'L')) {
		lifetime = rust_text_number(&d->text);
		if (lifetime) {
			put_lifetime(d, lifetime);
			rust_text_put(&d->text, " ");
		}
	}
	if (tag == 'Q')
		rust_text_put(&d->text, "mut ");
	put_type(d);
}

static void put_type_of(struct demangler *d, char tag)
{
	switch (tag) {
	case 'R':
	case 'Q':
		put_borrow(d, tag);
		break;
	case 'P':
	case 'O':
		rust_text_put(&d->text, tag == 'P' ? "*const " : "*mut ");
		put_type(d);
		break;
	case 'A':
	case 'S':
		rust_text_put(&d->text, "[");
		put_type(d);
		if (tag == 'A') {
			rust_text_put(&d->text, "; ");
			put_const(d);
		}
		rust_text_put(&d->text, "]");
		break;
	case 'T':
		rust_text_put(&d->text, "(");
		rust_text_put(&d->text, put_list(d, put_type) == 1 ? ",)" : ")");
		break;
	case 'F':
		put_function_type(d);
		break;
	case 'D':
		put_dyn(d);
		break;
	case 'B':
		put_reference(d, PART_TYPE, false);
		break;
	default:
		put_path_of(d, tag, false);
	}
}

static void put_type(struct demangler *d)
{
	const char *basic;
	char tag;

	if (!enter(d))
		return;
	tag = rust_text_next(&d->text);
	basic = basic_type(tag);
	if (basic)
		rust_text_put(&d->text, basic);
	else
		put_type_of(d, tag);
	d->depth--;
}

static void put_member(struct demangler *d)
{
	struct rust_identifier name = rust_text_identifier(&d->text, true);

	rust_text_put_identifier(&d->text, &name);
	rust_text_put(&d->text, ": ");
	put_const(d);
}

/* Writes a constant of a struct or an enum. */
static void put_value(struct demangler *d)
{
	char shape;

	put_path(d, true);
	shape = rust_text_next(&d->text);
	if (shape == 'U')
		return;
	if (shape != 'T' && shape != 'S') {
		d->text.failed = true;
		return;
	}
	rust_text_put(&d->text, shape == 'T' ? "(" : " { ");
	put_list(d, shape == 'T' ? put_const : put_member);
	rust_text_put(&d->text, shape == 'T' ? ")" : " }");
}

static void put_const_of(struct demangler *d, char tag)
{
	switch (tag) {
	case 'p':
		rust_text_put(&d->text, "_");
		break;
	case 'e':
		rust_text_put_string(&d->text);
		break;
	case 'R':
	case 'Q':
		if (tag == 'R' && rust_text_take(&d->text, 'e')) {
			rust_text_put_string(&d->text);
			break;
		}
		rust_text_put(&d->text, tag == 'R' ? "&" : "&mut ");
		put_const(d);
		break;
	case 'A':
		rust_text_put(&d->text, "[");
		put_list(d, put_const);
		rust_text_put(&d->text, "]");
		break;
	case 'T':
		rust_text_put(&d->text, "(");
		rust_text_put(&d->text, put_list(d, put_const) == 1 ? ",)" : ")");
		break;
	case 'V':
		put_value(d);
		break;
	case 'B':
		put_reference(d, PART_CONST, false);
		break;
	default:
		if (!tag || !strchr("ahijlmnostxybc", tag)) {
			d->text.failed = true;
			break;
		}
		if (rust_text_take(&d->text, 'n'))
			rust_text_put(&d->text, "-");
		rust_text_put_value(&d->text, tag);
	}
}

static void put_const(struct demangler *d)
{
	if (!enter(d))
		return;
	put_const_of(d, rust_text_next(&d->text));
	d->depth--;
}

/* Suffixes such as ".llvm.123" and ".cold" are not part of the name. */
static bool is_at_end(const struct rust_text *text)
{
	char letter = rust_text_peek(text);

	return !letter || letter == '.' || letter == '$';
}

bool symbol_rust_write(char *name, size_t size, const char *mangled)
{
	char made[NAME_MAX_LEN];
	struct demangler d = {0};
	size_t length = strnlen(mangled, SYMBOL_MAX);

	if (strncmp(mangled, "_R", 2) != 0 || length == SYMBOL_MAX || !size)
		return false;
	d.text.from = mangled + 2;
	d.text.length = length - 2;
	d.text.to = made;
	d.text.size = size < sizeof(made) ? size : sizeof(made);
	made[0] = '\0';
	put_path(&d, true);
	/* The crate for which a generic function was made is not part of its name. */
	d.text.muted++;
	if (!is_at_end(&d.text))
		put_path(&d, false);
	/* Nothing is read once the room is full. */
	if (!d.text.full && (d.text.failed || !is_at_end(&d.text)))
		return false;
	memcpy(name, made, d.text.used + 1);
	return true;
}
