// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>

static const unsigned int kept[] = {CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE,
				    CAP_DAC_READ_SEARCH};

int privileges_drop(bool files)
{
	size_t count = sizeof(kept) / sizeof(*kept) - !files;
	bool has[sizeof(kept) / sizeof(*kept)];

	if (capng_get_caps_process())
		return -EPERM;
	for (size_t i = 0; i < count; i++)
		has[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < count; i++)
		if (has[i] && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]))
			return -EINVAL;
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}
