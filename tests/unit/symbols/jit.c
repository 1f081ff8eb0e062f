// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Waits in a function that was made as a just-in-time compiler makes it. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
	char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "wx");
	if (!map)
		return 1;
	fprintf(map, "%lx 40 py::serve:/srv/app.py\n", (unsigned long)(uintptr_t)code);
	fclose(map);
	printf("%lx %lx\n", (unsigned long)(uintptr_t)code + 0x20,
	       (unsigned long)(uintptr_t)code + 0x80);
	fflush(stdout);
	getchar();
	return unlink(path);
}
