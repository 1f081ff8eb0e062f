// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/bpf_load.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event.h"
#include "kernel/btf_file.h"
#include "kernel/bpf_hooks.h"
#include "kernel/bpf_slot.h"
#include "kernel/go_breakpoint.h"
#include "kernel/go_probe.h"
#include "kernel/privileges.h"
#include "kernel/rings.h"
#include "kernel/tracepoint_id.h"
#include "tcpwatch.skel.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* The initial pid namespace's inode: PROC_PID_INIT_INO in include/linux/proc_ns.h. */
#define PIDNS_INIT_INO 0xEFFFFFFCu

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
		/* The first message is the cause; those after it report the clean-up. */
		if (!*last_message && strncmp(line, "libbpf: prog '", 14) == 0)
			memcpy(last_message, line, sizeof(line));
	}
	return show_all ? vfprintf(stderr, format, args) : 0;
}

static void begin(const struct options *options)
{
	show_all = options->verbose > 1;
	last_message[0] = '\0';
	libbpf_set_print(on_print);
}

const char *bpf_load_message(void)
{
	return last_message;
}

const char *bpf_load_btf_path(const struct options *options)
{
	return options->btf ? options->btf : KERNEL_BTF;
}

/* With the types of another kernel, fields would be read from wrong places. */
static bool is_this_kernels(const struct btf *btf)
{
	struct btf *own = btf__parse(KERNEL_BTF, NULL);
	__u32 size, own_size;
	const void *data = btf__raw_data(btf, &size);
	const void *own_data = own ? btf__raw_data(own, &own_size) : NULL;
	bool same = !own_data || (data && size == own_size && !memcmp(data, own_data, size));

	btf__free(own);
	return same;
}

int bpf_load_check_btf(const struct options *options)
{
	const char *wrong = NULL;
	char reason[128];
	struct btf *btf;

	if (!options->btf)
		return 0;
	begin(options);
	btf = btf__parse(btf_file_path(options), NULL);
	if (!btf && errno == ENOENT) { /* cli/options.c has checked that the file exists */
		wrong = "it has no section .BTF";
	} else if (!btf) {
		libbpf_strerror(errno, reason, sizeof(reason));
		wrong = reason;
	} else if (!is_this_kernels(btf)) {
		wrong = "it is of another kernel than the running one";
	}
	btf__free(btf);
	if (!wrong)
		return 0;
	fprintf(stderr,
		"tcpwatch: --btf: '%s' cannot be used: %s; give it a file like " KERNEL_BTF
		", or the vmlinux, of this kernel\n",
		options->btf, wrong);
	return -EINVAL;
}

bool bpf_load_has_btf(const struct options *options)
{
	return !access(bpf_load_btf_path(options), R_OK);
}

/* Makes the settings that programs are loaded with. Returns 0 or a negative errno. */
static int configure(struct tcpwatch *skeleton, const struct options *options)
{
	struct stat pidns;
	int err = rings_configure(skeleton, options);

	if (err)
		return err;
	skeleton->rodata->stacks = options->stack;
	if (!options->stack)
		bpf_map__set_max_entries(skeleton->maps.spaces, 1);
	if (!stat("/proc/self/ns/pid", &pidns) && pidns.st_ino != PIDNS_INIT_INO) {
		skeleton->rodata->pidns_dev = pidns.st_dev;
		skeleton->rodata->pidns_ino = pidns.st_ino;
	}
	return 0;
}

/* What is to be loaded. */
struct plan {
	feature_set wanted;
	bool old_request_hook; /* bpf_hooks.old_request */
};

static int choose_request_hook(const struct tcpwatch *skeleton)
{
	return bpf_program__set_attach_target(*bpf_slot_main(skeleton, FEATURE_HALF_OPEN)->prog, 0,
					      BPF_REQUEST_HOOK_OLD);
}

static void set_autoload(const struct tcpwatch *skeleton, enum feature feature, bool wanted)
{
	struct bpf_prog_skeleton *twin = bpf_slot_twin(skeleton, feature);

	bpf_program__set_autoload(*bpf_slot_main(skeleton, feature)->prog, wanted);
	if (twin)
		bpf_program__set_autoload(*twin->prog, wanted);
}

/* Opens the skeleton, and loads the programs of the plan. Returns 0 or a negative errno. */
static int open_and_load(struct tcpwatch **skeleton, const struct options *options,
			 const struct plan *plan)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf_file_path(options));
	struct tcpwatch *opened = tcpwatch__open_opts(&opts);
	int err;

	if (!opened)
		return -errno;
	for (enum feature feature = 0; feature < FEATURES; feature++)
		set_autoload(opened, feature, feature_has(plan->wanted, feature));
	err = configure(opened, options);
	if (!err && plan->old_request_hook)
		err = choose_request_hook(opened);
	if (!err)
		err = tcpwatch__load(opened);
	if (err) {
		tcpwatch__destroy(opened);
		return err;
	}
	*skeleton = opened;
	return 0;
}

/* libbpf finds tracepoints of this type only where tracefs is mounted. */
static int attach_tracepoint(struct bpf_prog_skeleton *slot)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	int fd, err = tracepoint_find_id(strchr(bpf_program__section_name(*slot->prog), '/') + 1,
					 &attr.config);

	if (err)
		return err;
	/* The event is on one CPU, but its program runs on all of them: perf_syscall_exit() in
	 * kernel/trace/trace_syscalls.c. */
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	*slot->link = bpf_program__attach_perf_event(*slot->prog, fd);
	if (*slot->link) /* the link owns the descriptor now */
		return 0;
	err = -errno;
	close(fd);
	return err;
}

static int attach_slot(struct bpf_prog_skeleton *slot)
{
	if (bpf_program__type(*slot->prog) == BPF_PROG_TYPE_TRACEPOINT)
		return attach_tracepoint(slot);
	if (bpf_program__type(*slot->prog) == BPF_PROG_TYPE_KPROBE)
		return go_probe_try(*slot->prog, slot->link);
	if (bpf_program__type(*slot->prog) == BPF_PROG_TYPE_PERF_EVENT)
		return go_breakpoint_try(*slot->prog, slot->link);
	*slot->link = bpf_program__attach(*slot->prog);
	return *slot->link ? 0 : -errno;
}

static void detach_slot(struct bpf_prog_skeleton *slot)
{
	bpf_link__destroy(*slot->link);
	*slot->link = NULL;
}

void bpf_load_detach(const struct tcpwatch *skeleton, enum feature feature)
{
	struct bpf_prog_skeleton *twin = bpf_slot_twin(skeleton, feature);

	detach_slot(bpf_slot_main(skeleton, feature));
	if (twin)
		detach_slot(twin);
}

static int attach(const struct tcpwatch *skeleton, enum feature feature)
{
	struct bpf_prog_skeleton *twin = bpf_slot_twin(skeleton, feature);
	int err = attach_slot(bpf_slot_main(skeleton, feature));

	if (!err && twin)
		err = attach_slot(twin);
	if (err)
		bpf_load_detach(skeleton, feature);
	return err;
}

/* Whether tcpwatch cannot do without the feature. */
static bool is_needed(const struct options *options, enum feature feature)
{
	return feature_infos[feature].core || (feature == FEATURE_FORKS && options->follow_forks);
}

int bpf_load_attach(const struct tcpwatch *skeleton, const struct options *options,
		    feature_set *features)
{
	/* From the last feature to the first: FEATURE_ACCEPT decides whether FEATURE_CLOSES and
	 * FEATURE_ACCEPT_STACKS are attached, and programs that report what follows a transition
	 * must be attached before the first transition is recorded. */
	for (int i = FEATURES - 1; i >= 0; i--) {
		enum feature feature = (enum feature)i;
		int err;

		if (!feature_has(*features, feature))
			continue;
		if ((feature == FEATURE_CLOSES || feature == FEATURE_ACCEPT_STACKS) &&
		    feature_has(*features, FEATURE_ACCEPT))
			continue;
		err = attach(skeleton, feature);
		if (err && is_needed(options, feature))
			return err;
		if (err)
			*features &= ~(1u << i);
	}
	return 0;
}

static void write_hook(const struct tcpwatch *skeleton, enum feature feature, bool old_request_hook,
		       char hook[BPF_HOOK_TEXT])
{
	if (feature == FEATURE_HALF_OPEN && old_request_hook)
		snprintf(hook, BPF_HOOK_TEXT, "fentry/" BPF_REQUEST_HOOK_OLD);
	else
		snprintf(hook, BPF_HOOK_TEXT, "%s",
			 bpf_program__section_name(*bpf_slot_main(skeleton, feature)->prog));
}

static int load_one(const struct options *options, enum feature feature, bool old_request_hook)
{
	struct plan plan = {.wanted = 1u << feature, .old_request_hook = old_request_hook};
	struct options with = *options;
	struct tcpwatch *skeleton = NULL;
	int err;

	/* Without stacks the verifier removes all of such a program. */
	with.stack |= feature_has(feature_set_stacks(), feature);
	err = open_and_load(&skeleton, &with, &plan);
	if (err)
		return err;
	err = attach(skeleton, feature);
	tcpwatch__destroy(skeleton);
	return err;
}

int bpf_load_try(const struct options *options, enum feature feature, char hook[BPF_HOOK_TEXT])
{
	struct tcpwatch *skeleton;
	struct bpf_hooks hooks = {0};

	begin(options);
	skeleton = tcpwatch__open();
	if (!skeleton)
		return -errno;
	if (feature == FEATURE_HALF_OPEN)
		bpf_hooks_probe(&hooks, skeleton, options);
	write_hook(skeleton, feature, hooks.old_request, hook);
	tcpwatch__destroy(skeleton);
	return load_one(options, feature, hooks.old_request);
}

/* Removes from the plan the features whose hooks the kernel refuses. */
static int narrow(struct plan *plan, const struct options *options)
{
	struct tcpwatch *skeleton = tcpwatch__open();
	struct bpf_hooks hooks;

	if (!skeleton)
		return -errno;
	bpf_hooks_probe(&hooks, skeleton, options);
	tcpwatch__destroy(skeleton);
	plan->wanted &= ~(feature_set_full() & ~hooks.allowed);
	plan->old_request_hook = hooks.old_request;
	return 0;
}

/* Removes from the plan the features that do not load even alone. */
static void narrow_by_trying(struct plan *plan, const struct options *options)
{
	for (enum feature feature = 0; feature < FEATURES; feature++)
		if (feature_has(plan->wanted, feature) && !is_needed(options, feature) &&
		    load_one(options, feature, plan->old_request_hook))
			plan->wanted &= ~(1u << feature);
}

int bpf_load(struct tcpwatch **skeleton, const struct options *options, feature_set *features)
{
	struct plan plan = {.wanted = (1u << FEATURES) - 1};
	int err;

	if (!options->follow_forks && !options->stack)
		plan.wanted &= ~(1u << FEATURE_FORKS);
	if (!options->stack)
		plan.wanted &= ~feature_set_stacks();
	begin(options);
	err = open_and_load(skeleton, options, &plan);
	if (err && !narrow(&plan, options)) {
		begin(options);
		err = open_and_load(skeleton, options, &plan);
	}
	if (err) {
		narrow_by_trying(&plan, options);
		begin(options);
		err = open_and_load(skeleton, options, &plan);
	}
	if (!err)
		*features = plan.wanted;
	return err;
}

void bpf_load_explain(int err, const struct options *options)
{
	const char *missing = privileges_missing_core();

	if (!bpf_load_has_btf(options)) {
		fprintf(stderr,
			"tcpwatch: this kernel provides no BTF: cannot read " KERNEL_BTF
			": %s. Run a kernel built with CONFIG_DEBUG_INFO_BTF=y.\n",
			strerror(errno));
		return;
	}
	if ((err == -EPERM || err == -EACCES) && *missing) {
		fprintf(stderr,
			"tcpwatch: not allowed to load BPF programs without %s: %s as uid %u. %s\n",
			missing, strerror(-err), geteuid(),
			geteuid() ? "Run it as root, or give it the capabilities: setcap "
				    "cap_bpf,cap_perfmon,cap_sys_admin,cap_sys_ptrace+ep tcpwatch"
				  : "A container or a security policy withholds that from root: "
				    "grant it.");
		return;
	}
	fprintf(stderr,
		"tcpwatch: the kernel refuses to load or attach the BPF programs: %s%s%s. %s\n",
		strerror(-err), *last_message ? ": " : "", last_message,
		err == -EPERM || err == -EACCES
			? "A security policy, such as lockdown or an LSM, forbids it: see the kernel's log."
			: "Run with -vv to see the kernel's messages; kernel 5.15 or newer is needed.");
}
