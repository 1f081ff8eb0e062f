// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/leak_kind.h"

static const char *const names[] = {
	[LEAK_UNCLOSED] = "unclosed", [LEAK_UNREAD] = "unread", [LEAK_UNACCEPTED] = "unaccepted",
	[LEAK_STALLED] = "stalled",   [LEAK_IDLE] = "idle",
};

_Static_assert(sizeof(names) / sizeof(*names) == LEAK_KINDS + 1, "a name for every kind");

const char *leak_kind_name(enum leak_kind kind)
{
	return names[kind];
}
