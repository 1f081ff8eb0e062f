// SPDX-License-Identifier: GPL-2.0-only
/*
 * Touches a bit of everything in a kernel that does not exist: test_drift.py has its source. Never
 * loaded.
 */
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct other {
	u32 mark;
};

struct point {
	u32 x;
};

struct thing {
	u32 count;
	int error;
	u8 bit : 1;
	u8 state;
	struct other *other;
	struct point points[4];
	char name[16];
	u32 inner; /* in an anonymous union there */
	struct point at;
	u32 newer;
};

struct thing___old {
	u32 older;
};

struct trace_event_raw_thing_event {
	int why;
};

struct bpf_iter__things {
	struct thing *thing;
};

#pragma clang attribute pop

enum color { COLOR_RED, COLOR_BLUE };

u64 sink;

static __always_inline u32 since(struct thing *thing)
{
	struct thing___old *old = (void *)thing;

	if (bpf_core_field_exists(thing->newer))
		return thing->newer;
	return old->older;
}

SEC("tp_btf/thing_event")
int BPF_PROG(on_event, struct thing *thing, int number)
{
	sink = thing->count + thing->error + thing->state + thing->inner + thing->at.x + number;
	sink += BPF_CORE_READ_BITFIELD(thing, bit);
	sink += thing->other->mark;
	sink += bpf_core_enum_value(enum color, COLOR_BLUE);
	sink += since(thing);
	if (bpf_core_field_exists(((struct trace_event_raw_thing_event *)0)->why))
		sink += ctx[2];
	return 0;
}

SEC("fentry/thing_open")
int BPF_PROG(on_open, struct thing *thing)
{
	struct point point;

	bpf_probe_read_kernel(&point, sizeof(point), &thing->points[sink & 3]);
	sink += point.x + thing->name[0];
	return 0;
}

SEC("fexit/thing_close")
int BPF_PROG(on_close, struct thing *thing, int how, int result)
{
	sink += result + thing->count;
	return 0;
}

SEC("iter/things")
int scan_things(struct bpf_iter__things *ctx)
{
	struct thing *thing = ctx->thing;

	return thing ? (int)thing->count & 0 : 0;
}

char LICENSE[] SEC("license") = "GPL";
