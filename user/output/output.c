// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "output/output.h"

#include <errno.h>

int output_flush(struct output *output)
{
	errno = 0;
	if (!fflush(output->file) && !ferror(output->file))
		return 0;
	return errno ? -errno : -EIO;
}
