// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/jail.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECUREBITS                                                                                 \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |                    \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |                                   \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

#define FILES_MAX 256

/* The sanitizers that tests run with reserve terabytes. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define MEMORY_LIMIT RLIM_INFINITY
#endif
#endif
#ifndef MEMORY_LIMIT
#define MEMORY_LIMIT JAIL_MEMORY_MAX
#endif

/* What is not permitted cannot be in the ambient set either (capabilities(7)). */
static bool has_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data))
		return true;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (data[i].effective || data[i].permitted || data[i].inheritable)
			return true;
	return false;
}

/* Whether the user, the groups and the capabilities are gone, as the kernel sees them. */
static bool is_jailed(bool was_root)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) || getresgid(&gid[0], &gid[1], &gid[2]))
		return false;
	for (size_t i = 0; i < 3; i++)
		if (!uid[i] || (was_root && (uid[i] != JAIL_NOBODY || gid[i] != JAIL_NOBODY)))
			return false;
	if (was_root && getgroups(0, NULL))
		return false;
	if (has_capabilities())
		return false;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 && !prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

int jail_give_up_rights(void)
{
	uid_t real, effective, saved;
	bool root;

	if (getresuid(&real, &effective, &saved))
		return -errno;
	root = !real || !effective || !saved;
	capng_clear(CAPNG_SELECT_ALL);
	/* Both need CAP_SETPCAP. Without it no_new_privs keeps the process from what they prevent.
	 */
	capng_apply(CAPNG_SELECT_BOUNDS);
	prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0);
	if (root && (setgroups(0, NULL) || setresgid(JAIL_NOBODY, JAIL_NOBODY, JAIL_NOBODY) ||
		     setresuid(JAIL_NOBODY, JAIL_NOBODY, JAIL_NOBODY)))
		return -errno;
	if (capng_apply(CAPNG_SELECT_CAPS) || capng_apply(CAPNG_SELECT_AMBIENT))
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return is_jailed(root) ? 0 : -EPERM;
}

static int limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(resource, &now))
		return -errno;
	if (now.rlim_max > most)
		now.rlim_max = most;
	now.rlim_cur = now.rlim_max;
	return setrlimit(resource, &now) ? -errno : 0;
}

int jail_limit_resources(void)
{
	int err = limit(RLIMIT_AS, MEMORY_LIMIT);

	if (!err)
		err = limit(RLIMIT_NOFILE, FILES_MAX);
	return err ? err : limit(RLIMIT_CORE, 0);
}
