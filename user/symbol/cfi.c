// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/cfi.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>

/* DWARF numbers of the registers, from the psABI of x86-64 and the DWARF for the Arm 64-bit
 * Architecture. */
enum { X86_FRAME = 6, X86_STACK = 7, ARM64_FRAME = 29, ARM64_STACK = 31 };

void symbol_cfi_init(struct symbol_cfi *cfi, Dwfl_Module *module)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module, &bias);
	GElf_Ehdr memory, *header = elf ? gelf_getehdr(elf, &memory) : NULL;

	cfi->module = module;
	cfi->machine = header ? header->e_machine : EM_NONE;
}

/* Reads the register that the canonical frame address is computed from. DWARF has an operation for
 * each of the first 32 registers, and one with the number as its operand. */
static bool take_base(const Dwarf_Op *op, unsigned int *base)
{
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		*base = op->atom - DW_OP_breg0;
	else if (op->atom == DW_OP_bregx)
		*base = (unsigned int)op->number;
	else
		return false;
	return true;
}

/* On arm64 compilers store a frame record and set x29, but the tables go on computing from sp. The
 * saved x29 shows it. */
static bool saves_frame(Dwarf_Frame *frame)
{
	Dwarf_Op memory[3], *ops;
	size_t count;

	return !dwarf_frame_register(frame, ARM64_FRAME, memory, &ops, &count) && count >= 2 &&
	       ops[0].atom == DW_OP_call_frame_cfa;
}

static enum unwind_kind kind_of(const struct symbol_cfi *cfi, Dwarf_Frame *frame)
{
	bool arm64 = cfi->machine == EM_AARCH64;
	unsigned int base;
	Dwarf_Op *ops;
	size_t count;

	if (dwarf_frame_cfa(frame, &ops, &count) || count != 1 || !take_base(&ops[0], &base))
		return UNWIND_UNKNOWN;
	if (base == (arm64 ? ARM64_FRAME : X86_FRAME))
		return UNWIND_FRAME;
	if (base != (arm64 ? ARM64_STACK : X86_STACK))
		return UNWIND_UNKNOWN;
	return arm64 && saves_frame(frame) ? UNWIND_FRAME : UNWIND_STACK;
}

static bool look_in(const struct symbol_cfi *cfi, Dwarf_CFI *tables, uint64_t address,
		    enum unwind_kind *kind)
{
	Dwarf_Frame *frame;

	if (!tables || dwarf_cfi_addrframe(tables, address, &frame))
		return false;
	*kind = kind_of(cfi, frame);
	free(frame);
	return true;
}

enum unwind_kind symbol_cfi_kind(const struct symbol_cfi *cfi, uint64_t address)
{
	enum unwind_kind kind = UNWIND_UNKNOWN;
	GElf_Addr bias;
	Dwarf_CFI *tables;

	if (cfi->machine != EM_X86_64 && cfi->machine != EM_AARCH64)
		return UNWIND_UNKNOWN;
	tables = dwfl_module_eh_cfi(cfi->module, &bias);
	if (look_in(cfi, tables, address - bias, &kind))
		return kind;
	tables = dwfl_module_dwarf_cfi(cfi->module, &bias);
	look_in(cfi, tables, address - bias, &kind);
	return kind;
}

size_t symbol_cfi_check(const uint64_t *frames, size_t count, const struct symbol_cfi_rules *rules,
			bool *gap)
{
	size_t real = count ? 1 : 0;

	while (real < count && rules->is_code(rules->context, frames[real]))
		real++;
	*gap = false;
	for (size_t i = 1; i + 1 < real && !*gap; i++)
		*gap = rules->kind(rules->context, frames[i]) == UNWIND_STACK;
	return real;
}
