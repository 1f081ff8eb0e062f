// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "victim.h"

int library_accept(int socket);

int library_accept(int socket)
{
	tell_callers();
	return socket + 1;
}
