// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "bpf_load.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
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

#define REQUEST_HOOK	 "__inet_csk_reqsk_queue_drop"
#define REQUEST_HOOK_OLD "inet_csk_reqsk_queue_drop"

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

const char *bpf_load_btf_path(const struct options *options)
{
	return options->btf ? options->btf : KERNEL_BTF;
}

bool bpf_load_has_btf(const struct options *options)
{
	return !access(bpf_load_btf_path(options), R_OK);
}

struct bpf_prog_skeleton *bpf_load_slot(const struct tcpwatch *skeleton, enum feature feature)
{
	const struct bpf_object_skeleton *base = skeleton->skeleton;

	for (int i = 0; i < base->prog_cnt; i++)
		if (!strcmp(base->progs[i].name, feature_infos[feature].program))
			return &base->progs[i];
	return NULL; /* not reached: a unit of the build */
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

/* Settings that programs are loaded with. Returns 0 or -errno. */
static int configure(struct tcpwatch *skeleton, const struct options *options)
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
	return 0;
}

static struct btf *kernel_btf(const struct options *options)
{
	return options->btf ? btf__parse(options->btf, NULL) : btf__load_vmlinux_btf();
}

/* The kernel function that the program of a feature of the full mode is put on. */
static int hook_of(const struct btf *btf, const struct tcpwatch *skeleton, enum feature feature)
{
	const char *section = bpf_program__section_name(*bpf_load_slot(skeleton, feature)->prog);
	int id = btf__find_by_name_kind(btf, strchr(section, '/') + 1, BTF_KIND_FUNC);

	if (id < 0 && feature == FEATURE_HALF_OPEN)
		id = btf__find_by_name_kind(btf, REQUEST_HOOK_OLD, BTF_KIND_FUNC);
	return id;
}

/* Loads the shortest program there is, to see whether the kernel has anything against the hook. */
static int probe_hook(int btf_id, enum bpf_attach_type type)
{
	/* r0 = 0; exit */
	const struct bpf_insn program[] = {{.code = 0xb7}, {.code = 0x95}};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type,
		    .attach_btf_id = (__u32)btf_id);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", program, 2, &opts);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The features of the full mode that this kernel lets us have, by their hooks. */
static feature_set probe_full(const struct tcpwatch *skeleton, const struct options *options)
{
	struct btf *btf = kernel_btf(options);
	feature_set found = 0;

	for (enum feature feature = 0; btf && feature < FEATURES; feature++) {
		int id;

		if (!feature_infos[feature].full)
			continue;
		id = hook_of(btf, skeleton, feature);
		if (id > 0 && !probe_hook(id, bpf_program__expected_attach_type(
						      *bpf_load_slot(skeleton, feature)->prog)))
			found |= 1u << feature;
	}
	btf__free(btf);
	return found;
}

/* Older kernels have only the outer of two functions. */
static bool has_request_hook(const struct options *options)
{
	struct btf *btf = kernel_btf(options);
	bool has = btf && btf__find_by_name_kind(btf, REQUEST_HOOK, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return has;
}

static int choose_request_hook(const struct tcpwatch *skeleton, const struct options *options)
{
	struct bpf_program *program = *bpf_load_slot(skeleton, FEATURE_HALF_OPEN)->prog;

	if (has_request_hook(options))
		return 0;
	return bpf_program__set_attach_target(program, 0, REQUEST_HOOK_OLD);
}

/* Opens with the programs of these features, and loads. Returns 0 or a negative errno. */
static int open_and_load(struct tcpwatch **skeleton, const struct options *options,
			 feature_set wanted)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = options->btf);
	struct tcpwatch *opened = tcpwatch__open_opts(&opts);
	int err;

	if (!opened)
		return -errno;
	for (enum feature feature = 0; feature < FEATURES; feature++)
		bpf_program__set_autoload(*bpf_load_slot(opened, feature)->prog,
					  feature_has(wanted, feature));
	err = configure(opened, options);
	if (!err && feature_has(wanted, FEATURE_HALF_OPEN))
		err = choose_request_hook(opened, options);
	if (!err)
		err = tcpwatch__load(opened);
	if (err) {
		tcpwatch__destroy(opened);
		return err;
	}
	*skeleton = opened;
	return 0;
}

static int attach(const struct tcpwatch *skeleton, enum feature feature)
{
	struct bpf_prog_skeleton *slot = bpf_load_slot(skeleton, feature);

	*slot->link = bpf_program__attach(*slot->prog);
	return *slot->link ? 0 : -errno;
}

/* Leaves out what cannot be attached. Returns 0, or a negative errno for the core. */
static int attach_all(const struct tcpwatch *skeleton, feature_set *features)
{
	/* Backwards: FEATURE_ACCEPT decides on FEATURE_CLOSES, and what needs the transitions
	 * comes before them. */
	for (int i = FEATURES - 1; i >= 0; i--) {
		enum feature feature = (enum feature)i;
		int err;

		if (!feature_has(*features, feature))
			continue;
		if (feature == FEATURE_CLOSES && feature_has(*features, FEATURE_ACCEPT))
			continue;
		err = attach(skeleton, feature);
		if (err && feature_infos[i].core)
			return err;
		if (err)
			*features &= ~(1u << i);
	}
	return 0;
}

static void begin(const struct options *options)
{
	show_all = options->verbose;
	last_message[0] = '\0';
	libbpf_set_print(on_print);
}

static void write_hook(const struct options *options, enum feature feature,
		       char hook[BPF_HOOK_TEXT])
{
	struct tcpwatch *skeleton = tcpwatch__open();

	*hook = '\0';
	if (!skeleton)
		return;
	if (feature == FEATURE_HALF_OPEN && !has_request_hook(options))
		snprintf(hook, BPF_HOOK_TEXT, "fentry/" REQUEST_HOOK_OLD);
	else
		snprintf(hook, BPF_HOOK_TEXT, "%s",
			 bpf_program__section_name(*bpf_load_slot(skeleton, feature)->prog));
	tcpwatch__destroy(skeleton);
}

int bpf_load_try(const struct options *options, enum feature feature, char hook[BPF_HOOK_TEXT])
{
	struct tcpwatch *skeleton;
	int err;

	begin(options);
	write_hook(options, feature, hook);
	err = open_and_load(&skeleton, options, 1u << feature);
	if (err)
		return err;
	err = attach(skeleton, feature);
	tcpwatch__destroy(skeleton);
	return err;
}

/* What to ask for: everything that is of use and that the kernel has nothing against. */
static int choose(const struct options *options, feature_set *wanted)
{
	struct tcpwatch *skeleton = tcpwatch__open();

	if (!skeleton)
		return -errno;
	*wanted = ((1u << FEATURES) - 1) & ~feature_set_full();
	if (!options->follow_forks)
		*wanted &= ~(1u << FEATURE_FORKS);
	*wanted |= probe_full(skeleton, options);
	tcpwatch__destroy(skeleton);
	return 0;
}

int bpf_load(struct tcpwatch **skeleton, const struct options *options, feature_set *features)
{
	feature_set wanted = 0;
	int err;

	begin(options);
	err = choose(options, &wanted);
	if (err)
		return err;
	err = open_and_load(skeleton, options, wanted);
	if (err) {
		char hook[BPF_HOOK_TEXT];

		/* Which one is it? */
		for (enum feature feature = 0; feature < FEATURES; feature++)
			if (feature_has(wanted, feature) && !feature_infos[feature].core &&
			    bpf_load_try(options, feature, hook))
				wanted &= ~(1u << feature);
		begin(options);
		err = open_and_load(skeleton, options, wanted);
	}
	if (err)
		return err;
	err = attach_all(*skeleton, &wanted);
	if (err) {
		tcpwatch__destroy(*skeleton);
		*skeleton = NULL;
		return err;
	}
	*features = wanted;
	return 0;
}

void bpf_load_explain(int err, const struct options *options)
{
	if (!bpf_load_has_btf(options)) {
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
