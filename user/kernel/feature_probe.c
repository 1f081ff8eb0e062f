// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/feature_probe.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/bpf_load.h"
#include "base/exit_status.h"
#include "kernel/privileges.h"
#include "kernel/rings.h"
#include "base/version.h"

/* The results of the tries. */
struct probe {
	feature_set works;
	int errors[FEATURES];		     /* negative errno; 0: it works */
	char hooks[FEATURES][BPF_HOOK_TEXT]; /* of each program */
	bool capable[PRIVILEGES];
	bool btf;
	int btf_errno;
};

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
	*probe = (struct probe){0};
	probe->btf = bpf_load_has_btf(options);
	probe->btf_errno = probe->btf ? 0 : errno;
	for (enum feature feature = 0; feature < FEATURES; feature++) {
		probe->errors[feature] = bpf_load_try(options, feature, probe->hooks[feature]);
		if (!probe->errors[feature])
			probe->works |= 1u << feature;
	}
	for (size_t i = 0; i < PRIVILEGES; i++)
		probe->capable[i] = privileges_has(privileges[i].number);
}

static bool core_works(const struct probe *probe)
{
	for (int i = 0; i < FEATURES; i++)
		if (feature_infos[i].core && probe->errors[i])
			return false;
	return true;
}

static void print_why(int err)
{
	if (!err)
		fputs("attached", stdout);
	else if (err == -ESRCH || err == -ENOENT)
		fputs("absent: this kernel has no such function", stdout);
	else
		printf("refused: %s", strerror(-err));
}

static void print_programs(const struct probe *probe)
{
	for (int i = 0; i < FEATURES; i++) {
		printf("%-15s  %-34s  ", feature_infos[i].name, probe->hooks[i]);
		print_why(probe->errors[i]);
		putchar('\n');
	}
}

static void print_loss(int *losses, const char *name, const char *what)
{
	printf("%s  %-15s  %s\n", (*losses)++ ? "" : "\nWhat is lost:\n", name, what);
}

static bool is_lost(const struct probe *probe, enum feature feature)
{
	if (!probe->errors[feature])
		return false;
	if (feature == FEATURE_ACCEPT_STACKS) /* FEATURE_ACCEPT reports the same, and more */
		return !feature_has(probe->works, FEATURE_ACCEPT);
	return feature_is_optional(feature) || feature_is_missing(probe->works, feature);
}

static bool any_lost(const struct probe *probe)
{
	for (int i = 0; i < FEATURES; i++)
		if (is_lost(probe, (enum feature)i))
			return true;
	return false;
}

static void print_losses(const struct probe *probe)
{
	int losses = 0;

	for (int i = 0; i < FEATURES; i++)
		if (is_lost(probe, (enum feature)i))
			print_loss(&losses, feature_infos[i].name, feature_infos[i].loses);
	for (size_t i = 0; i < PRIVILEGES; i++)
		if (!probe->capable[i])
			print_loss(&losses, privileges[i].name, privileges[i].loses);
}

/* Prints the capabilities that tcpwatch has, or those that it does not have. Returns whether there
 * are any. */
static bool print_capabilities(const struct probe *probe, const char *title, bool having)
{
	bool any = false;

	for (size_t i = 0; i < PRIVILEGES; i++) {
		if (probe->capable[i] != having)
			continue;
		printf("%s%s", any ? " " : title, privileges[i].name);
		any = true;
	}
	return any;
}

static void print_privileges(const struct probe *probe)
{
	bool any = print_capabilities(probe, "privileges    ", true);

	print_capabilities(probe, any ? ", not " : "privileges    not ", false);
	putchar('\n');
}

static void print_size(uint64_t bytes)
{
	if (bytes % (1 << 20) == 0)
		printf("%juM", (uintmax_t)(bytes >> 20));
	else
		printf("%juK", (uintmax_t)(bytes >> 10));
}

/* The memory of the ring buffers, which is the kernel's. */
static void print_rings(const struct options *options)
{
	const struct ring_plan plan = rings_plan(options);

	fputs("rings         ", stdout);
	print_size(ring_plan_size(&plan));
	if (plan.lanes) {
		printf(": %u CPU%s with ", plan.lanes, plan.lanes == 1 ? "" : "s");
		print_size(plan.lane_size);
		fputs(plan.lanes == 1 ? ", and " : " each, and ", stdout);
		print_size(ring_plan_size(&plan) - (uint64_t)plan.lanes * plan.lane_size);
		fputs(" for all", stdout);
	}
	fputs(" (--ring-size)\n", stdout);
}

/* Whether the kernel refuses all programs of the full mode for lack of permission. */
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
		return "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, or give its BTF with\n"
		       "--btf=PATH.";
	if (!probe->capable[0] || !probe->capable[1])
		return "run as root, or with CAP_BPF and CAP_PERFMON.";
	if (!core_works(probe))
		return "use kernel 5.15 or newer. -v shows the kernel's message for each program.";
	if (refused_full(probe))
		return "none: this host allows no fentry programs. What is shown is still true, and\n"
		       "what cannot be seen is null.";
	if (any_lost(probe))
		return "-v shows the kernel's message for each program that is not attached.";
	if (!probe->capable[2] || !probe->capable[3])
		return "with CAP_SYS_ADMIN and CAP_SYS_PTRACE every network namespace is seen.";
	return can_change_netns() ? "none is needed."
				  : "a security policy keeps tcpwatch out of network namespaces.";
}

enum exit_status features_print(const struct options *options)
{
	struct utsname kernel;
	struct probe result;
	bool works;

	uname(&kernel);
	probe(&result, options);
	works = core_works(&result);
	printf("tcpwatch %s on Linux %s %s: %s mode\n\n", TCPWATCH_VERSION, kernel.release,
	       kernel.machine, works ? feature_mode(result.works) : "no");
	printf("types         %s%s%s\n", bpf_load_btf_path(options), result.btf ? "" : ": ",
	       result.btf ? "" : strerror(result.btf_errno));
	print_privileges(&result);
	print_rings(options);
	print_programs(&result);
	print_losses(&result);
	printf("\nRemedy: %s\n", remedy(&result));
	if (works)
		return STATUS_OK;
	fflush(stdout);
	fprintf(stderr, "tcpwatch: the core cannot run here: %s\n",
		*bpf_load_message() ? bpf_load_message()
				    : "see the programs that are not attached");
	return STATUS_CANNOT;
}
