/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_OBJECT_H
#define TCPWATCH_BTF_OBJECT_H

/* What a linked BPF object touches in the kernel: its CO-RE relocations, put together by field, and
 * its programs with their hooks. */

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdbool.h>

#define STEPS_MAX 64 /* as in libbpf */

struct step {
	const char *name; /* NULL: an element of an array */
	__u32 index;
	__u32 type_id; /* of that member or element, in the object */
};

/* A field in some BTF, behind all typedefs. */
struct place {
	__u32 type_id;
	__u32 bit_offset;
	__u32 bit_size; /* 0: no bitfield */
};

enum touch_kind { TOUCH_FIELD, TOUCH_TYPE, TOUCH_ENUM };

struct touch {
	enum touch_kind kind;
	char *name;
	size_t index;
	__u32 relo_kinds; /* a bit for each enum bpf_core_relo_kind */
	__u32 root_id;
	struct step steps[STEPS_MAX];
	size_t step_count;
	struct place place;
	const char *enumerator; /* of TOUCH_ENUM */
	__s64 value;
};

struct relo {
	struct touch *touch;
	struct program *program;
	__u32 insn;
	enum bpf_core_relo_kind kind;
};

struct program {
	const char *name;
	const char *section;
	__u32 section_name; /* offset, as .BTF.ext has it */
	__u32 offset;	    /* in its section */
	const struct bpf_insn *insns;
	size_t insn_count;
	struct relo **relo_at; /* by instruction */
};

struct object {
	struct bpf_object *bpf;
	struct btf *btf;
	struct btf_ext *ext;
	struct program *programs;
	size_t program_count;
	struct touch **touches;
	size_t touch_count;
	struct relo **relos;
	size_t relo_count;
};

/* Ends the tool with a message where the object cannot be read. */
void object_open(struct object *object, const char *path);
void object_close(struct object *object);

/* More than whether it is there: its place, its size, its value. */
bool relo_reads(enum bpf_core_relo_kind kind);

/* Reads or writes memory, so that libbpf can adjust its width. */
bool relo_is_access(const struct relo *relo);

/* The container's name one step deeper. Fields of a named struct are the same fields wherever it
 * is; those of one without a name belong to what it is in. */
void container_enter(const struct btf *btf, char *container, size_t size, __u32 member_type,
		     const char *member);

#endif
