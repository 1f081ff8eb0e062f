// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Calls the library; with a path as its argument, opens it first. */
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int (*function)(int) = NULL;
	void *library;

	/* Reports that it runs, so that its mappings can be read before it opens the library. */
	printf("%lx\n", (unsigned long)__builtin_extract_return_addr(__builtin_return_address(0)));
	fflush(stdout);
	getchar();
	library = dlopen(argv[argc - 1], RTLD_NOW);
	if (library)
		*(void **)&function = dlsym(library, "library_accept");
	return function ? function(argc) == 12345 : 1;
}
