// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "host/netns.h"

#define SECUREBITS_LOCKED                                                                          \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                           \
	 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |   \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

#define NOT_SEEN "sockets that no descriptor holds (unaccepted, half-open, TIME_WAIT)"

const struct privilege privileges[PRIVILEGES] = {
	{CAP_BPF, "CAP_BPF", "no BPF program can be loaded"},
	{CAP_PERFMON, "CAP_PERFMON", "no BPF program can be loaded"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
	 "sockets that no descriptor holds, in other network namespaces"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
	 "before Linux 6.18, other users' namespaces, for such sockets; with -s, names"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
	 "web configs and keys, and with -s programs, that this user may not read"},
};

bool privileges_has(unsigned int capability)
{
	if (capng_get_caps_process())
		return false;
	if ((capability == CAP_BPF || capability == CAP_PERFMON) &&
	    capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
		return true;
	return capng_have_capability(CAPNG_EFFECTIVE, capability);
}

const char *privileges_missing_core(void)
{
	static const char *const names[] = {"", "CAP_BPF", "CAP_PERFMON",
					    "CAP_BPF and CAP_PERFMON"};

	return names[(privileges_has(CAP_BPF) ? 0 : 1) + (privileges_has(CAP_PERFMON) ? 0 : 2)];
}

const char *privileges_costs(char text[PRIVILEGES_TEXT_LEN])
{
	bool admin = privileges_has(CAP_SYS_ADMIN), ptrace = privileges_has(CAP_SYS_PTRACE);

	if (admin && (ptrace || netns_has_handles()))
		return NULL;
	snprintf(text, PRIVILEGES_TEXT_LEN,
		 NOT_SEEN " are not seen in %s: %s missing. Run it as root, or add %s",
		 admin ? "network namespaces of other users' processes"
		       : "other network namespaces",
		 admin	  ? "CAP_SYS_PTRACE is"
		 : ptrace ? "CAP_SYS_ADMIN is"
			  : "CAP_SYS_ADMIN and CAP_SYS_PTRACE are",
		 admin || ptrace ? "it" : "them");
	return text;
}

/* Both need CAP_SETPCAP, and fail without it. Then there is less to take away, and nothing more can
 * be done. */
static void lock_out(void)
{
	capng_clear(CAPNG_SELECT_BOUNDS);
	capng_apply(CAPNG_SELECT_BOUNDS);
	prctl(PR_SET_SECUREBITS, SECUREBITS_LOCKED, 0, 0, 0);
}

static bool is_kept(unsigned int capability, bool files, bool probes)
{
	if (capability == CAP_PERFMON) /* to load programs and attach probes, not to run them */
		return probes;
	return files || capability != CAP_DAC_READ_SEARCH;
}

int privileges_drop(bool files, bool signals, bool probes)
{
	bool has[PRIVILEGES];

	lock_out();
	if (capng_get_caps_process())
		return -EPERM;
	for (size_t i = 0; i < PRIVILEGES; i++)
		has[i] = capng_have_capability(CAPNG_PERMITTED, privileges[i].number);
	signals = signals && capng_have_capability(CAPNG_PERMITTED, CAP_KILL);
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < PRIVILEGES; i++)
		if (has[i] && is_kept(privileges[i].number, files, probes) &&
		    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				 privileges[i].number))
			return -EINVAL;
	if (signals && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_KILL))
		return -EINVAL;
	if (capng_apply(CAPNG_SELECT_CAPS) || capng_apply(CAPNG_SELECT_AMBIENT))
		return -EPERM;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}
