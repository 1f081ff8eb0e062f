// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "flow.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define REGISTERS 11
#define SLOTS	  64 /* of 8 bytes: a program has 512 bytes of stack */
#define VALUES	  (REGISTERS + SLOTS)

enum value_kind {
	VALUE_NONE, /* no path comes here with one */
	VALUE_ANY,
	VALUE_CONTEXT,
	VALUE_ARGUMENT, /* n: which */
	VALUE_OFFSET,	/* n: of a field in this type of the object */
	VALUE_NUMBER,
};

struct value {
	enum value_kind kind;
	__s32 n;
};

struct flow {
	const struct program *program;
	const enum existence *existence;
	struct argument *arguments;
	struct value *values; /* VALUES for each instruction, as they are before it */
	bool *live;
	bool changed;
};

static struct value *values_at(const struct flow *flow, size_t insn)
{
	return flow->values + insn * VALUES;
}

/* A path from an instruction with these values leads to that one. */
static void reach(struct flow *flow, size_t insn, const struct value *values)
{
	struct value *known;

	if (insn >= flow->program->insn_count)
		return;
	known = values_at(flow, insn);
	if (!flow->live[insn]) {
		flow->live[insn] = true;
		flow->changed = true;
		memcpy(known, values, VALUES * sizeof(*values));
		return;
	}
	for (int i = 0; i < VALUES; i++) {
		if (known[i].kind == VALUE_ANY ||
		    (known[i].kind == values[i].kind && known[i].n == values[i].n))
			continue;
		known[i] = (struct value){.kind = VALUE_ANY};
		flow->changed = true;
	}
}

static void note_argument(struct flow *flow, __s32 n, __u32 type_id)
{
	if (n < 0 || n >= ARGUMENTS_MAX || !flow->arguments)
		return;
	flow->arguments[n].used = true;
	if (type_id)
		flow->arguments[n].type_id = type_id;
}

/* The stack slot that an access of 8 bytes through r10 names; NULL for any other. */
static struct value *slot_of(struct value *values, __u8 base, __s16 offset)
{
	if (base != BPF_REG_10 || offset >= 0 || offset < -8 * SLOTS || offset % 8)
		return NULL;
	return &values[REGISTERS + offset / 8 + SLOTS];
}

static struct value load(struct flow *flow, struct value *values, const struct bpf_insn *insn,
			 const struct relo *relo)
{
	const struct value *from = &values[insn->src_reg];
	const struct value *slot = slot_of(values, insn->src_reg, insn->off);

	if (slot && BPF_SIZE(insn->code) == BPF_DW)
		return *slot;
	if (from->kind == VALUE_CONTEXT && !relo) {
		note_argument(flow, insn->off / 8, 0);
		return (struct value){.kind = VALUE_ARGUMENT, .n = insn->off / 8};
	}
	if (from->kind == VALUE_ARGUMENT && relo)
		note_argument(flow, from->n, relo->touch->root_id);
	return (struct value){.kind = VALUE_ANY};
}

static void store(struct value *values, const struct bpf_insn *insn)
{
	struct value *slot = slot_of(values, insn->dst_reg, insn->off);

	if (slot && BPF_SIZE(insn->code) == BPF_DW && BPF_MODE(insn->code) == BPF_MEM)
		*slot = values[insn->src_reg];
	else if (BPF_MODE(insn->code) != BPF_MEM) /* atomic: what was there may come back */
		values[insn->src_reg] = values[BPF_REG_0] = (struct value){.kind = VALUE_ANY};
}

static struct value constant(const struct flow *flow, const struct bpf_insn *insn,
			     const struct relo *relo)
{
	if (!relo)
		return (struct value){.kind = VALUE_NUMBER, .n = insn->imm};
	if (relo->kind == BPF_CORE_FIELD_BYTE_OFFSET)
		return (struct value){.kind = VALUE_OFFSET, .n = (__s32)relo->touch->root_id};
	if (relo_reads(relo->kind) || flow->existence[relo->touch->index] == EXISTENCE_UNKNOWN)
		return (struct value){.kind = VALUE_ANY};
	return (struct value){.kind = VALUE_NUMBER,
			      .n = flow->existence[relo->touch->index] == EXISTENCE_YES};
}

static void compute(struct flow *flow, struct value *values, const struct bpf_insn *insn,
		    const struct relo *relo)
{
	struct value *to = &values[insn->dst_reg];
	struct value from = values[insn->src_reg];

	if (BPF_SRC(insn->code) == BPF_K)
		from = constant(flow, insn, relo);
	if (BPF_OP(insn->code) == BPF_MOV) {
		*to = from;
		return;
	}
	if (BPF_OP(insn->code) == BPF_ADD && to->kind == VALUE_ARGUMENT &&
	    from.kind == VALUE_OFFSET)
		note_argument(flow, to->n, (__u32)from.n);
	if (BPF_OP(insn->code) == BPF_ADD && to->kind == VALUE_OFFSET &&
	    from.kind == VALUE_ARGUMENT)
		note_argument(flow, from.n, (__u32)to->n);
	*to = (struct value){.kind = VALUE_ANY};
}

/* Whether a jump is taken, where that is sure: 1 or 0; otherwise -1. */
static int jump_decided(const struct value *values, const struct bpf_insn *insn)
{
	struct value left = values[insn->dst_reg];
	struct value right = values[insn->src_reg];

	if (BPF_SRC(insn->code) == BPF_K)
		right = (struct value){.kind = VALUE_NUMBER, .n = insn->imm};
	if (left.kind != VALUE_NUMBER || right.kind != VALUE_NUMBER)
		return -1;
	if (BPF_OP(insn->code) == BPF_JEQ)
		return left.n == right.n;
	if (BPF_OP(insn->code) == BPF_JNE)
		return left.n != right.n;
	return -1;
}

static void jump(struct flow *flow, size_t at, const struct bpf_insn *insn, struct value *values)
{
	int taken = -1;

	switch (BPF_OP(insn->code)) {
	case BPF_EXIT:
		return;
	case BPF_CALL:
		for (int i = BPF_REG_0; i <= BPF_REG_5; i++)
			values[i] = (struct value){.kind = VALUE_ANY};
		taken = 0;
		break;
	case BPF_JA:
		taken = 1;
		break;
	default:
		taken = jump_decided(values, insn);
	}
	if (taken != 0)
		reach(flow, at + 1 + insn->off, values);
	if (taken != 1)
		reach(flow, at + 1, values);
}

static void step(struct flow *flow, size_t at)
{
	const struct bpf_insn *insn = &flow->program->insns[at];
	const struct relo *relo = flow->program->relo_at[at];
	struct value values[VALUES];

	if (insn->dst_reg >= REGISTERS || insn->src_reg >= REGISTERS)
		return;
	memcpy(values, values_at(flow, at), sizeof(values));
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD: /* a 64-bit number, in two instructions */
		values[insn->dst_reg] = (struct value){.kind = VALUE_ANY};
		reach(flow, at + 2, values);
		return;
	case BPF_LDX:
		values[insn->dst_reg] = load(flow, values, insn, relo);
		break;
	case BPF_STX:
		store(values, insn);
		break;
	case BPF_ALU64:
	case BPF_ALU:
		compute(flow, values, insn, relo);
		break;
	case BPF_JMP:
	case BPF_JMP32:
		jump(flow, at, insn, values);
		return;
	default:
		break;
	}
	reach(flow, at + 1, values);
}

void flow_run(const struct program *program, const enum existence *existence, bool *live,
	      struct argument arguments[ARGUMENTS_MAX])
{
	struct value start[VALUES] = {[BPF_REG_1] = {.kind = VALUE_CONTEXT}};
	struct flow flow = {.program = program, .existence = existence, .arguments = arguments};

	if (!program->insn_count)
		return;
	flow.values = zalloc(program->insn_count * VALUES, sizeof(*flow.values));
	flow.live = zalloc(program->insn_count, sizeof(*flow.live));
	reach(&flow, 0, start);
	while (flow.changed) {
		flow.changed = false;
		for (size_t i = 0; i < program->insn_count; i++)
			if (flow.live[i])
				step(&flow, i);
	}
	if (live)
		memcpy(live, flow.live, program->insn_count * sizeof(*live));
	free(flow.values);
	free(flow.live);
}
