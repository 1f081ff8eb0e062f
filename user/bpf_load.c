// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "bpf_load.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event.h"
#include "tcpwatch.skel.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* The initial pid namespace's inode: PROC_PID_INIT_INO in include/linux/proc_ns.h. */
#define PIDNS_INIT_INO 0xEFFFFFFCu

/* User space is woken early when the ring is a quarter full. */
#define WAKE_FRACTION 4

static bool show_all;
static char last_message[256];

static int on_print(enum libbpf_print_level level, const char *format, va_list args)
{
	va_list copy;

	if (level == LIBBPF_WARN) {
		char line[sizeof(last_message)];

		va_copy(copy, args);
		vsnprintf(line, sizeof(line), format, copy);
		va_end(copy);
		line[strcspn(line, "\n")] = '\0';
		/* The first complaint is the cause; what follows is the unwinding. */
		if (!*last_message && strncmp(line, "libbpf: prog '", 14) == 0)
			memcpy(last_message, line, sizeof(line));
	}
	return show_all ? vfprintf(stderr, format, args) : 0;
}

const char *bpf_load_message(void)
{
	return last_message;
}

bool bpf_load_has_btf(void)
{
	return !access(KERNEL_BTF, R_OK);
}

struct tcpwatch *bpf_load_open(bool verbose)
{
	show_all = verbose;
	last_message[0] = '\0';
	libbpf_set_print(on_print);
	return tcpwatch__open();
}

/* Each CPU looks often enough that all of them together cannot fill a quarter of the ring between
 * two looks. */
static __u32 wake_mask(uint64_t ring_size)
{
	uint64_t records = ring_size / WAKE_FRACTION / sizeof(struct event_transition);
	uint64_t each = 1;

	while (each * 2 * (uint64_t)libbpf_num_possible_cpus() <= records)
		each *= 2;
	return (__u32)each - 1;
}

int bpf_load_configure(struct tcpwatch *skeleton, const struct options *options)
{
	struct stat pidns;
	int err;

	err = bpf_map__set_max_entries(skeleton->maps.events, (__u32)options->ring_size);
	if (err)
		return err;
	skeleton->rodata->wake_bytes = (__u32)(options->ring_size / WAKE_FRACTION);
	skeleton->rodata->wake_mask = wake_mask(options->ring_size);
	if (!stat("/proc/self/ns/pid", &pidns) && pidns.st_ino != PIDNS_INIT_INO) {
		skeleton->rodata->pidns_dev = pidns.st_dev;
		skeleton->rodata->pidns_ino = pidns.st_ino;
	}
	bpf_program__set_autoload(skeleton->progs.on_fork, options->follow_forks);
	return 0;
}

void bpf_load_explain(int err)
{
	if (!bpf_load_has_btf()) {
		fprintf(stderr,
			"tcpwatch: this kernel shows no BTF: cannot read " KERNEL_BTF
			": %s. Run a kernel built with CONFIG_DEBUG_INFO_BTF=y.\n",
			strerror(errno));
		return;
	}
	if ((err == -EPERM || err == -EACCES) && geteuid() != 0) {
		fprintf(stderr,
			"tcpwatch: not allowed to load BPF programs: %s as uid %u. Run it as root, or give it "
			"the capabilities: setcap cap_bpf,cap_perfmon,cap_sys_admin,cap_sys_ptrace+ep tcpwatch\n",
			strerror(-err), geteuid());
		return;
	}
	fprintf(stderr,
		"tcpwatch: the kernel refuses to load or attach the BPF programs: %s%s%s. %s\n",
		strerror(-err), *last_message ? ": " : "", last_message,
		err == -EPERM || err == -EACCES
			? "A container or security policy withholds CAP_BPF or CAP_PERFMON: grant them."
			: "Run with -v to see the kernel's own words; kernel 5.15 or newer is needed.");
}
