// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "go/prologue.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

static bool is_jump(const unsigned char *code)
{
	return code[0] == 0x76 || (code[0] == 0x0f && code[1] == 0x86); /* jbe, near or far */
}

/* Small frames compare %rsp itself; larger ones what it will be. */
size_t go_prologue_jump(const unsigned char code[GO_PROLOGUE_LEN])
{
	static const unsigned char compare[] = {0x49, 0x3b, 0x66, 0x10};
	static const unsigned char compare_r12[] = {0x4d, 0x3b, 0x66, 0x10};
	static const unsigned char lea_1[] = {0x4c, 0x8d, 0x64, 0x24};
	static const unsigned char lea_4[] = {0x4c, 0x8d, 0xa4, 0x24};
	size_t length = 0;

	if (!memcmp(code, lea_1, sizeof(lea_1)))
		length = sizeof(lea_1) + sizeof(int8_t);
	else if (!memcmp(code, lea_4, sizeof(lea_4)))
		length = sizeof(lea_4) + sizeof(int32_t);
	if (memcmp(code + length, length ? compare_r12 : compare, sizeof(compare)) != 0)
		return 0;
	length += sizeof(compare);
	return is_jump(code + length) ? length : 0;
}

#else

size_t go_prologue_jump(const unsigned char code[GO_PROLOGUE_LEN])
{
	(void)code;
	return 0;
}

#endif
