// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "feature_probe.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf_load.h"
#include "exit_status.h"
#include "version.h"

struct capability {
	int number;
	const char *name;
	const char *loses;
};

static const struct capability capabilities[] = {
	{CAP_BPF, "CAP_BPF", "no BPF program can be loaded"},
	{CAP_PERFMON, "CAP_PERFMON", "no BPF program can be loaded"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
	 "sockets without a descriptor are seen in our own network namespace only"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "network namespaces of other users are not entered"},
};

/* What is known after the tries. */
struct probe {
	const struct options *options;
	feature_set works;
	int errors[FEATURES];		     /* negative errno, 0 = works */
	char hooks[FEATURES][BPF_HOOK_TEXT]; /* what each program is put on */
	bool capable[sizeof(capabilities) / sizeof(*capabilities)];
	bool btf;
	int btf_errno;
};

static bool has_capability(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return !syscall(SYS_capget, &header, data) &&
	       data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

static bool can_change_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	bool can = fd >= 0 && !setns(fd, CLONE_NEWNET);

	if (fd >= 0)
		close(fd);
	return can;
}

static void probe(struct probe *probe, const struct options *options)
{
	*probe = (struct probe){.options = options};
	probe->btf = bpf_load_has_btf(options);
	probe->btf_errno = probe->btf ? 0 : errno;
	for (enum feature feature = 0; feature < FEATURES; feature++) {
		probe->errors[feature] = bpf_load_try(options, feature, probe->hooks[feature]);
		if (!probe->errors[feature])
			probe->works |= 1u << feature;
	}
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
		probe->capable[i] = has_capability(capabilities[i].number);
}

static bool core_works(const struct probe *probe)
{
	for (int i = 0; i < FEATURES; i++)
		if (feature_infos[i].core && probe->errors[i])
			return false;
	return true;
}

/* What a kernel says by this error when it is asked for a BPF program. */
static const char *reason(int err)
{
	switch (-err) {
	case EPERM:
	case EACCES:
		return "refused";
	case ESRCH:
	case ENOENT:
		return "no such hook";
	case EINVAL:
	case EOPNOTSUPP:
		return "unsupported";
	default:
		return strerror(-err);
	}
}

static void print_programs(const struct probe *probe)
{
	printf("\n%-12s %-40s %-9s %s\n", "FEATURE", "PROGRAM", "STATE", "SHOWS, OR WHAT IS LOST");
	for (int i = 0; i < FEATURES; i++) {
		const struct feature_info *info = &feature_infos[i];
		int err = probe->errors[i];

		printf("%-12s %-40s %-9s %s\n", info->name, probe->hooks[i],
		       err ? reason(err) : "attached", err ? info->loses : info->gives);
	}
}

static void print_capabilities(const struct probe *probe)
{
	printf("\n%-12s %-8s %s\n", "CAPABILITY", "", "");
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
		printf("%-15s %-4s %s\n", capabilities[i].name, probe->capable[i] ? "yes" : "no",
		       probe->capable[i] ? "" : capabilities[i].loses);
}

/* Are all of these refused for want of permission? */
static bool refused_full(const struct probe *probe)
{
	for (int i = 0; i < FEATURES; i++)
		if (feature_infos[i].full && probe->errors[i] != -EPERM &&
		    probe->errors[i] != -EACCES)
			return false;
	return true;
}

static const char *remedy(const struct probe *probe)
{
	if (!probe->btf)
		return "Boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, or give its BTF with --btf=PATH.";
	if (!probe->capable[0] || !probe->capable[1])
		return "Run as root, or with CAP_BPF and CAP_PERFMON.";
	if (!core_works(probe))
		return "Use kernel 5.15 or newer; -v shows what the kernel says to each program.";
	if (refused_full(probe))
		return "This kernel allows no fentry programs (a hardened host): nothing to be done "
		       "from here; what is shown stays true.";
	if (probe->works != (1u << FEATURES) - 1)
		return "-v shows what the kernel says to each program that is not attached.";
	if (!probe->capable[2] || !probe->capable[3] || !can_change_netns())
		return "Add CAP_SYS_ADMIN and CAP_SYS_PTRACE to see every network namespace.";
	return "nothing is missing.";
}

enum exit_status features_print(const struct options *options)
{
	struct utsname kernel;
	struct probe result;

	uname(&kernel);
	probe(&result, options);
	printf("tcpwatch %s on Linux %s %s\n", TCPWATCH_VERSION, kernel.release, kernel.machine);
	printf("BTF  %s%s%s\n", bpf_load_btf_path(options), result.btf ? "" : ": ",
	       result.btf ? "" : strerror(result.btf_errno));
	printf("mode %s\n", core_works(&result) ? feature_mode(result.works) : "none");
	print_programs(&result);
	print_capabilities(&result);
	printf("\nremedy  %s\n", remedy(&result));
	if (core_works(&result))
		return STATUS_OK;
	fflush(stdout);
	fprintf(stderr, "tcpwatch: the core cannot run here: %s\n",
		*bpf_load_message() ? bpf_load_message() : "see what is not attached");
	return STATUS_CANNOT;
}
