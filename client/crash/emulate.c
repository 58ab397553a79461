/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Do what an instruction of interest does, with the registers of a signal's context.
 *
 * The kernel has saved the vector registers there, in the form of the instruction XSAVE.
 */
#ifdef __x86_64__
#include "client/crash/emulate.h"

#include <asm/sigcontext.h>
#include <cpuid.h>
#include <stddef.h>
#include <string.h>

#define XSAVE_HEADER 512 /* offset of the bit mask of what is in use */
#define FX_MMX       32
#define FX_XMM       160
#define FX_SW        464

/* The numbers of parts of the registers in XSAVE's form. */
enum part {
	YMM_UPPER = 2,
	ZMM_UPPER = 6,
	ZMM_16_31 = 7,
	PARTS,
};

static uint32_t part_off[PARTS];

/**
 * crash_emulate_init() - learn where the kernel saves registers
 *
 * Has to be called before the first of the other functions.
 */
void crash_emulate_init(void)
{
	uint32_t a;
	uint32_t c;
	uint32_t d;
	uint32_t part;

	for (part = YMM_UPPER; part < PARTS; part++)
		if (!__get_cpuid_count(0xd, part, &a, &part_off[part], &c, &d))
			part_off[part] = 0;
}

static uint64_t general(const ucontext_t *context, int number)
{
	static const uint8_t places[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX,
					 REG_RSP, REG_RBP, REG_RSI, REG_RDI,
					 REG_R8,  REG_R9,  REG_R10, REG_R11,
					 REG_R12, REG_R13, REG_R14, REG_R15};

	return (uint64_t)context->uc_mcontext.gregs[places[number]];
}

static uint64_t address(const struct crash_insn_address *a, const ucontext_t *context)
{
	uint64_t sum = (uint64_t)a->disp;

	if (a->base >= 0)
		sum += general(context, a->base);
	if (a->index >= 0)
		sum += general(context, a->index) * a->scale;
	return a->is_32 ? (uint32_t)sum : sum;
}

/* Copy a part of a register. One that is not in use is zero. */
static void copy_part(uint8_t *to, const uint8_t *saved, enum part part, size_t index,
		      size_t len)
{
	uint32_t magic;
	uint64_t used;

	memcpy(&magic, saved + FX_SW, sizeof(magic));
	if (magic != FP_XSTATE_MAGIC1)
		return;
	memcpy(&used, saved + XSAVE_HEADER, sizeof(used));
	if (used >> part & 1)
		memcpy(to, saved + part_off[part] + index * len, len);
}

static void read_register(const struct crash_insn *insn, unsigned int number,
			  const ucontext_t *context, uint8_t to[64])
{
	const uint8_t *saved = (const uint8_t *)context->uc_mcontext.fpregs;
	uint64_t value;

	memset(to, 0, 64);
	if (insn->source == CRASH_INSN_GENERAL) {
		value = general(context, (int)number);
		memcpy(to, &value, sizeof(value));
	} else if (insn->source == CRASH_INSN_MMX) {
		memcpy(to, saved + FX_MMX + (size_t)16 * number, 8);
	} else if (number >= 16) {
		copy_part(to, saved, ZMM_16_31, number - 16, 64);
	} else {
		memcpy(to, saved + FX_XMM + (size_t)16 * number, 16);
		copy_part(to + 16, saved, YMM_UPPER, number, 16);
		copy_part(to + 32, saved, ZMM_UPPER, number, 32);
	}
}

/**
 * crash_emulate_address() - find out what an instruction flushes or stores to
 * @insn:	the instruction
 * @context:	the registers
 *
 * Async-signal-safe.
 *
 * Return: the address.
 */
uint64_t crash_emulate_address(const struct crash_insn *insn, const ucontext_t *context)
{
	return address(&insn->to, context);
}

/**
 * crash_emulate_store() - do the store of an instruction
 * @insn:	the instruction
 * @context:	the registers
 *
 * The store is an ordinary one. It faults where the instruction would. Async-signal-safe.
 */
void crash_emulate_store(const struct crash_insn *insn, const ucontext_t *context)
{
	uint8_t *to = (uint8_t *)crash_emulate_address(insn, context);
	uint8_t data[64];
	uint8_t mask[64];
	int i;

	if (insn->kind == CRASH_INSN_COPY) {
		memcpy(data, (const void *)address(&insn->from, context), sizeof(data));
		memcpy(to, data, sizeof(data));
		return;
	}
	read_register(insn, insn->reg, context, data);
	if (insn->kind == CRASH_INSN_STORE) {
		memcpy(to, data, insn->size);
		return;
	}
	read_register(insn, insn->mask, context, mask);
	for (i = 0; i < insn->size; i++)
		if (mask[i] & 0x80)
			to[i] = data[i];
}
#endif
