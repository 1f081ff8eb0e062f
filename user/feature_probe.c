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
#include "tcpwatch.skel.h"

struct feature {
	const char *name;
	const char *program; /* the BPF program behind it */
	const char *gives;
	const char *loses;
	bool core;
};

static const struct feature features[] = {
	{"transitions", "on_set_state", "every TCP state change with its actor",
	 "nothing works without it", true},
	{"descriptors", "scan_fds", "who holds a socket, and sockets older than tcpwatch",
	 "leaks cannot be judged", true},
	{"tables", "scan_tcp", "unaccepted and orphaned sockets", "unaccepted sockets are not seen",
	 true},
	{"closes", "on_destroy", "whose connections were reset",
	 "reset connections count for their listener's process", false},
	{"forks", "on_fork", "-f follows future children", "no -f", false},
};

static void line(const char *name, bool works, const char *what, const char *why)
{
	printf("%-13s %-4s %s%s%s%s\n", name, works ? "yes" : "no", what, *why ? " (" : "", why,
	       *why ? ")" : "");
}

/* Loads and attaches one program alone. Returns 0 or a negative errno. */
static int try_program(const char *name, bool verbose)
{
	struct tcpwatch *skeleton = bpf_load_open(verbose);
	struct bpf_program *program;
	int err;

	if (!skeleton)
		return -errno;
	bpf_object__for_each_program(program, skeleton->obj)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
	err = tcpwatch__load(skeleton);
	if (!err)
		err = tcpwatch__attach(skeleton);
	tcpwatch__destroy(skeleton);
	return err;
}

static bool has_capability(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return !syscall(SYS_capget, &header, data) &&
	       data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/* What keeps us out of other network namespaces; NULL if nothing does. */
static const char *namespaces_refused(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const char *why = NULL;

	if (fd < 0)
		return strerror(errno);
	if (setns(fd, CLONE_NEWNET))
		why = "CAP_SYS_ADMIN is needed";
	else if (!has_capability(CAP_SYS_PTRACE))
		why = "CAP_SYS_PTRACE is needed";
	close(fd);
	return why;
}

int features_print(bool verbose)
{
	struct utsname kernel;
	const char *why;
	bool works = true;
	int err;

	uname(&kernel);
	printf("%-13s %s %s\n", "kernel", kernel.release, kernel.machine);
	line("btf", bpf_load_has_btf(), "types of this kernel",
	     bpf_load_has_btf() ? "" : "a kernel with CONFIG_DEBUG_INFO_BTF=y is needed");
	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++) {
		const struct feature *feature = &features[i];

		err = try_program(feature->program, verbose);
		line(feature->name, !err, err ? feature->loses : feature->gives,
		     err ? strerror(-err) : "");
		if (err && feature->core)
			works = false;
	}
	why = namespaces_refused();
	line("namespaces", !why,
	     why ? "unaccepted sockets of other network namespaces are not seen"
		 : "unaccepted sockets of every network namespace",
	     why ? why : "");
	line("accept", false, "owner and time of accept(): learned at close() or by scan instead",
	     "");
	printf("%-13s %s\n", "mode", works ? "tracepoints" : "none");
	if (!works)
		fprintf(stderr,
			"tcpwatch: the core cannot run here: %s. Run it as root, or with "
			"CAP_BPF and CAP_PERFMON, on kernel 5.15 or newer with BTF.\n",
			*bpf_load_message() ? bpf_load_message() : "see the lines marked no");
	return works ? STATUS_OK : STATUS_CANNOT;
}
