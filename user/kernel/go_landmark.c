// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/go_landmark.h"

#include <link.h>

__attribute__((noinline)) void go_landmark(void)
{
	__asm__ volatile("nop");
}

/* dl_iterate_phdr() begins with the program itself, and stops after it for a result other than
 * 0. */
static int locate(struct dl_phdr_info *info, size_t size, void *context)
{
	uint64_t *offset = context, address = (uintptr_t)go_landmark - info->dlpi_addr;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
		    address - segment->p_vaddr < segment->p_filesz)
			*offset = address - segment->p_vaddr + segment->p_offset;
	}
	return 1;
}

uint64_t go_landmark_offset(void)
{
	uint64_t offset = 0;

	dl_iterate_phdr(locate, &offset);
	return offset;
}
