// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "kernel/source_live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/units.h"
#include "host/process_limit.h"
#include "host/scan_settings.h"
#include "kernel/bpf_load.h"
#include "kernel/bpf_slot.h"
#include "kernel/go_probe.h"
#include "kernel/iterator.h"
#include "kernel/rings.h"
#include "kernel/scan.h"
#include "model/feature.h"
#include "tcpwatch.skel.h"

/* How long what the kernel counts in each program is taken for new while nothing comes: asking
 * for it costs a system call each. */
#define MISSES_NEW_NS NS_PER_S

struct source_live {
	struct source base;
	struct tcpwatch *skeleton;
	struct rings *rings;
	struct scan *scan;
	struct go_probe *go; /* NULL without -s, or where probes cannot be attached */
	int epoll_fd;
	uint64_t discarded; /* records by live_discard() */
	bool keeps_cpu;
	/* What programs did not run for, and when it was counted last. */
	uint64_t misses, aside, interrupts;
	uint64_t misses_wanted, misses_until_ns;
	bool stopped;
	bool verbose;
};

static struct source_live *live_of(struct source *source)
{
	return (struct source_live *)source;
}

static int live_drain(struct source *source, struct source_bound *bound, source_sink sink,
		      void *context)
{
	struct source_live *live = live_of(source);

	if (live->go)
		go_probe_changed(live->go);
	return rings_drain(live->rings, bound, sink, context);
}

static bool live_rest(struct source *source)
{
	return rings_rest(live_of(source)->rings);
}

static void live_discard(struct source *source)
{
	struct source_live *live = live_of(source);

	live->discarded += rings_discard(live->rings);
}

static void live_scan_begin(struct source *source, const struct scan_request *request,
			    struct scan_result *result)
{
	scan_begin(live_of(source)->scan, request, result);
}

static int live_scan_step(struct source *source, uint64_t until_ns, struct scan_result *result)
{
	return scan_step(live_of(source)->scan, until_ns, result);
}

static void live_scan_end(struct source *source)
{
	scan_end(live_of(source)->scan);
}

static uint64_t live_cpu_time(struct source *source)
{
	(void)source;
	return clock_cpu_time();
}

static int live_settings(struct source *source, uint32_t netns, struct net_settings *settings)
{
	const struct tcpwatch *skeleton = live_of(source)->skeleton;
	struct netns_list list = {0};
	int err = scan_settings(netns, &list, settings);

	if (err != -ENOENT) /* else it is not tcpwatch's own */
		return err;
	err = iterator_namespaces(skeleton->links.scan_tasks, skeleton->links.scan_namespaces,
				  &list);
	if (!err)
		err = scan_settings(netns, &list, settings);
	netns_list_clear(&list);
	return err;
}

static int live_descriptor_limit(struct source *source, uint32_t pid, uint64_t *limit)
{
	(void)source;
	return process_limit_descriptors(pid, limit);
}

/* The other features' programs answer scans. */
static bool writes_records(enum feature feature)
{
	return feature != FEATURE_DESCRIPTORS && feature != FEATURE_TABLES &&
	       feature != FEATURE_NAMESPACES;
}

static uint64_t recursion_misses(const struct bpf_program *program)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_program__fd(program) < 0 ||
	    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return 0;
	return info.recursion_misses;
}

static uint64_t feature_misses(const struct tcpwatch *skeleton, enum feature feature)
{
	const struct bpf_prog_skeleton *twin = bpf_slot_twin(skeleton, feature);

	return recursion_misses(*bpf_slot_main(skeleton, feature)->prog) +
	       (twin ? recursion_misses(*twin->prog) : 0);
}

/*
 * Whether a program on a tracepoint keeps its CPU: then only an interrupt can find it running
 * there, and only what that does is skipped. Up to 6.19 __DO_TRACE() in include/linux/tracepoint.h
 * disables preemption; later kernels need not.
 */
static bool keeps_cpu(void)
{
	struct utsname kernel = {0};

	return !uname(&kernel) && atoi(kernel.release) < 7;
}

/* Whether a leak may depend on its records. Without those of the other programs an owner or the
 * names of a stack are missing, or are known by something else. */
static bool matters_to_leaks(enum feature feature)
{
	return feature == FEATURE_TRANSITIONS || feature == FEATURE_FORKS;
}

static void count_misses(struct source_live *live)
{
	live->misses = 0;
	live->aside = 0;
	for (enum feature feature = 0; feature < FEATURES; feature++) {
		uint64_t misses;

		if (!writes_records(feature))
			continue;
		misses = feature_misses(live->skeleton, feature);
		live->misses += misses;
		if (!matters_to_leaks(feature))
			live->aside += misses;
		else if (feature == FEATURE_TRANSITIONS && live->keeps_cpu)
			live->interrupts = misses;
	}
}

static void live_ledger(struct source *source, struct ledger *ledger)
{
	struct source_live *live = live_of(source);
	struct event_cpu counts = rings_counts(live->rings);
	uint64_t now_ns = clock_now();

	/* A program is skipped where one runs, and nearly every run of one is counted. */
	if (live->stopped || counts.wanted != live->misses_wanted ||
	    now_ns >= live->misses_until_ns) {
		count_misses(live);
		live->misses_wanted = counts.wanted;
		live->misses_until_ns = now_ns + MISSES_NEW_NS;
	}
	ledger->lost[LOST_RING_FULL] = counts.ring_full + live->discarded;
	ledger->lost[LOST_RECURSION] = live->misses;
	ledger->aside = live->aside;
	ledger->interrupts = live->interrupts;
	ledger->seen = counts.wanted + live->misses;
}

static uint64_t live_now(struct source *source)
{
	(void)source;
	return clock_now();
}

static void live_clock(struct source *source, struct clock *clock)
{
	(void)source;
	clock_read(clock);
}

static bool live_process_alive(struct source *source, uint32_t tgid)
{
	(void)source;
	return !kill((pid_t)tgid, 0) || errno != ESRCH;
}

static void live_executed(struct source *source, const struct event_exec *e)
{
	struct source_live *live = live_of(source);

	if (live->go)
		go_probe_executed(live->go, e->task.tgid);
}

static void live_stop(struct source *source)
{
	go_probe_free(live_of(source)->go);
	live_of(source)->go = NULL;
	for (enum feature feature = 0; feature < FEATURES; feature++)
		if (writes_records(feature))
			bpf_load_detach(live_of(source)->skeleton, feature);
	live_of(source)->stopped = true; /* what is said at the end is exact */
}

static void say_rings(const struct source_live *live)
{
	struct event_cpu counts = rings_counts(live->rings);

	fprintf(stderr, "tcpwatch: %ju of %ju events went through rings that all CPUs share\n",
		(uintmax_t)counts.shared, (uintmax_t)counts.wanted);
}

static void live_free(struct source *source)
{
	struct source_live *live = live_of(source);

	if (live->verbose && live->rings)
		say_rings(live);
	scan_free(live->scan);
	rings_free(live->rings);
	go_probe_free(live->go);
	if (live->epoll_fd >= 0)
		close(live->epoll_fd);
	tcpwatch__destroy(live->skeleton);
	free(live);
}

static const struct source_ops ops = {
	.drain = live_drain,
	.rest = live_rest,
	.discard = live_discard,
	.scan_begin = live_scan_begin,
	.scan_step = live_scan_step,
	.scan_end = live_scan_end,
	.cpu_time = live_cpu_time,
	.settings = live_settings,
	.descriptor_limit = live_descriptor_limit,
	.executed = live_executed,
	.stop = live_stop,
	.ledger = live_ledger,
	.now = live_now,
	.clock = live_clock,
	.process_alive = live_process_alive,
	.free = live_free,
};

static int wait_for(struct source_live *live, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(live->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* Watches the rings, and the files of Go programs. */
static int make_epoll(struct source_live *live)
{
	int err;

	live->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (live->epoll_fd < 0)
		return -errno;
	err = rings_watch(live->rings, live->epoll_fd);
	if (!err && live->go)
		err = wait_for(live, go_probe_fd(live->go));
	return err;
}

/* Programs that are started from now on come with a record. */
static int attach_to_go(struct source_live *live, const struct options *options)
{
	int err;

	if (!feature_has(live->base.features, FEATURE_GO_REQUESTS))
		return 0;
	err = go_probe_new(&live->go, live->skeleton->progs.on_go_request,
			   feature_has(live->base.features, FEATURE_GO_STARTS)
				   ? live->skeleton->progs.on_go_breakpoint
				   : NULL,
			   options->verbose > 0);
	if (!err)
		go_probe_running(live->go, options);
	return err;
}

static int load_and_attach(struct source_live *live, const struct options *options)
{
	int err;

	if (!bpf_load_has_btf(options))
		return -ENOENT;
	err = bpf_load(&live->skeleton, options, &live->base.features);
	if (!err)
		err = rings_new(&live->rings, live->skeleton, options);
	if (!err)
		err = bpf_load_attach(live->skeleton, options, &live->base.features);
	if (err)
		return err;
	if (options->stack && !feature_has(live->base.features, FEATURE_ACCEPT) &&
	    !feature_has(live->base.features, FEATURE_ACCEPT_STACKS))
		journal_say(SD_WARNING,
			    "-s: where connections were accepted is not known: the end of "
			    "accept() cannot be traced. See tcpwatch --features -v");
	live->scan = scan_new(live->skeleton);
	if (!live->scan)
		return -ENOMEM;
	err = attach_to_go(live, options);
	return err ? err : make_epoll(live);
}

int source_live_new(struct source **source, const struct options *options)
{
	struct source_live *live = calloc(1, sizeof(*live));
	int err = -ENOMEM;

	if (!live)
		goto fail;
	live->base.ops = &ops;
	live->epoll_fd = -1;
	live->keeps_cpu = keeps_cpu();
	live->verbose = options->verbose > 0;
	err = load_and_attach(live, options);
	if (err)
		goto fail;
	*source = &live->base;
	return 0;
fail:
	bpf_load_explain(err, options);
	if (live)
		live_free(&live->base);
	return err;
}

int source_live_epoll_fd(const struct source *source)
{
	return ((const struct source_live *)source)->epoll_fd;
}
