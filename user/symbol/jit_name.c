// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/jit_name.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool begins_with_one(const char *text, const char *const *with, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (begins(text, with[i]))
			return true;
	return false;
}

static bool read_python(const char *name, struct jit_name *read)
{
	const char *function = name + strlen("py::"), *colon;

	if (!begins(name, "py::"))
		return false;
	colon = strchr(function, ':');
	if (!colon)
		return false;
	*read = (struct jit_name){.function = function,
				  .function_length = (size_t)(colon - function),
				  .file = colon + 1,
				  .file_length = strlen(colon + 1),
				  .standard = colon[1] == '<'};
	return true;
}

/* Removes ":12:7" from the end of a file. Returns the line, or 0. */
static unsigned int cut_place(struct jit_name *read)
{
	unsigned int numbers[2] = {0, 0}, found = 0;
	size_t length = read->file_length;

	while (found < COUNT(numbers)) {
		size_t end = length;
		unsigned int weight = 1;

		for (; end && read->file[end - 1] >= '0' && read->file[end - 1] <= '9'; end--) {
			if (length - end > 8)
				return 0;
			numbers[found] += (unsigned int)(read->file[end - 1] - '0') * weight;
			weight *= 10;
		}
		if (end == length || !end || read->file[end - 1] != ':')
			break;
		length = end - 1;
		found++;
	}
	if (found != COUNT(numbers))
		return 0;
	read->file_length = length;
	return numbers[1];
}

/* Finds the file in "FUNCTION FILE". Both may contain spaces. */
static const char *find_file(const char *function)
{
	static const char *const starts[] = {" /", " file:", " node:", " internal/"};
	const char *space = NULL;

	for (size_t i = 0; i < COUNT(starts) && !space; i++)
		space = strstr(function, starts[i]);
	return space ? space + 1 : NULL;
}

static bool read_node(const char *name, struct jit_name *read)
{
	static const char *const kinds[] = {"JS:", "LazyCompile:", "Function:", "Script:", "Eval:"};
	static const char anonymous[] = "<anonymous>";
	static const char scheme[] = "file://";
	const char *function = NULL, *file;

	for (size_t i = 0; i < COUNT(kinds) && !function; i++)
		if (begins(name, kinds[i]))
			function = name + strlen(kinds[i]);
	if (!function)
		return false;
	/* How far the function is optimized, which changes while the program runs. */
	if (*function && strchr("~^*+", *function))
		function++;
	file = find_file(function);
	*read = (struct jit_name){.function = function, .function_length = strlen(function)};
	if (!file)
		return true;
	read->function_length = (size_t)(file - 1 - function);
	if (!read->function_length) {
		read->function = anonymous;
		read->function_length = strlen(anonymous);
	}
	read->standard = begins(file, "node:") || begins(file, "internal/");
	if (begins(file, scheme))
		file += strlen(scheme);
	read->file = file;
	read->file_length = strlen(file);
	read->line = cut_place(read);
	return true;
}

/* "java.util.List com.acme.Orders.get(int)" is a method of com.acme, whatever it returns. */
static bool read_java(const char *name, struct jit_name *read)
{
	static const char *const standard[] = {"java.",	 "javax.",  "jdk.",  "sun.",  "com.sun.",
					       "Ljava/", "Ljavax/", "Ljdk/", "Lsun/", "Lcom/sun/"};
	const char *end = strchr(name, '('), *start;

	if (!end || end == name)
		end = name + strlen(name);
	for (start = end; start > name && start[-1] != ' '; start--)
		;
	if (!memchr(start, '.', (size_t)(end - start)) && !begins(start, "L"))
		return false;
	*read = (struct jit_name){.function = start,
				  .function_length = (size_t)(end - start),
				  .standard = begins_with_one(start, standard, COUNT(standard))};
	return true;
}

void jit_name_read(const char *name, struct jit_name *read)
{
	if (!read_python(name, read) && !read_node(name, read) && !read_java(name, read))
		*read = (struct jit_name){.function = name, .function_length = strlen(name)};
}
