// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "cli/option_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/shown.h"

#define MORE "see tcpwatch --help"

static bool __attribute__((format(printf, 2, 3)))
set_fault(struct option_fault *fault, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	return true;
}

static bool is_last(const struct argp_option *option)
{
	return !option->name && !option->key && !option->doc && !option->group;
}

static const struct argp_option *find_short(const struct argp *argp, unsigned char name)
{
	const struct argp_option *found = NULL;

	for (const struct argp_option *option = argp->options; !is_last(option); option++)
		if (option->key == name)
			return option;
	for (const struct argp_child *child = argp->children; child && child->argp && !found;
	     child++)
		found = find_short(child->argp, name);
	return found;
}

/* The long options that begin with a name, or the one that is it. */
struct matches {
	const char *name;
	size_t length;
	const struct argp_option *exact, *first;
	size_t count;
	char names[OPTION_FAULT_LEN]; /* ", --a, --b" */
};

static void find_long(const struct argp *argp, struct matches *matches)
{
	for (const struct argp_option *option = argp->options; !is_last(option); option++) {
		size_t used = strlen(matches->names);

		if (!option->name || strncmp(option->name, matches->name, matches->length) != 0)
			continue;
		if (!option->name[matches->length])
			matches->exact = option;
		if (!matches->count++)
			matches->first = option;
		snprintf(matches->names + used, sizeof(matches->names) - used, ", --%s",
			 option->name);
	}
	for (const struct argp_child *child = argp->children; child && child->argp; child++)
		find_long(child->argp, matches);
}

/* Looks at --NAME[=VALUE]. *next is the argument after it, and after its value. */
static bool check_long(const struct argp *argp, const char *text, int argc, int *next,
		       struct option_fault *fault)
{
	struct matches matches = {.name = text + 2, .length = strcspn(text + 2, "=")};
	const char *value = text[2 + matches.length] ? text + 2 + matches.length + 1 : NULL;
	char name[SHOWN_LEN], value_text[SHOWN_LEN];
	const struct argp_option *option;

	shown(text, 2 + matches.length, name);
	find_long(argp, &matches);
	option = matches.exact ? matches.exact : matches.first;
	if (!option || !matches.length)
		return set_fault(fault, "%s: no such option: " MORE, name);
	if (!matches.exact && matches.count > 1)
		return set_fault(fault, "%s: several options begin like this: %s", name,
				 matches.names + 2);
	if (value && !option->arg)
		return set_fault(fault, "--%s: it takes no value, but '%s' was given", option->name,
				 shown(value, strlen(value), value_text));
	if (!value && option->arg && *next == argc)
		return set_fault(fault, "--%s: the value is missing: --%s=%s; " MORE, option->name,
				 option->name, option->arg);
	if (!value && option->arg)
		++*next;
	return false;
}

/* Looks at -ABC, or -A with its VALUE behind it or in the next argument. */
static bool check_short(const struct argp *argp, const char *text, int argc, int *next,
			struct option_fault *fault)
{
	for (const char *name = text + 1; *name; name++) {
		const struct argp_option *option = find_short(argp, (unsigned char)*name);
		bool printable = *name > ' ' && *name < 0x7f;

		if (!option)
			return set_fault(fault, "-%c: no such option: " MORE,
					 printable ? *name : '?');
		if (!option->arg)
			continue;
		if (!name[1] && *next == argc)
			return set_fault(fault, "-%c: the value is missing: -%c %s; " MORE, *name,
					 *name, option->arg);
		if (!name[1])
			++*next;
		break;
	}
	return false;
}

bool option_check_find(const struct argp *argp, int argc, char **argv, struct option_fault *fault)
{
	for (int i = 1, next; i < argc && strcmp(argv[i], "--") != 0; i = next) {
		const char *text = argv[i];
		bool found = false;

		next = i + 1;
		if (!strncmp(text, "--", 2))
			found = check_long(argp, text, argc, &next, fault);
		else if (text[0] == '-')
			found = check_short(argp, text, argc, &next, fault);
		if (found) {
			fault->index = i;
			return true;
		}
	}
	fault->index = argc;
	return false;
}
