/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Find the instructions of interest in a range of code.
 *
 * Their opcodes are searched for as bytes, which is fast. The same bytes may stand inside
 * other instructions; so all instructions from the start of the function on are decoded,
 * and what does not start where an instruction starts is none.
 */
#ifdef __x86_64__
#include "client/crash/decode.h"

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <string.h>

#define LONGEST 15 /* bytes of an instruction */

/* The header of the table: four bytes that describe the rest, which has only one form. */
#define HEADER_LEN 12
static const uint8_t header_form[] = {1, 0x1b, 0x03, 0x3b};

/**
 * crash_decode_starts() - read the table of the functions' starts
 * @ret:	receives the table, an empty one if there is none
 * @header:	.eh_frame_hdr in memory; NULL: there is none
 * @len:	its length, in bytes
 */
void crash_decode_starts(struct crash_decode_starts *ret, const uint8_t *header,
			 size_t len)
{
	uint32_t nr;

	memset(ret, 0, sizeof(*ret));
	if (!header || len < HEADER_LEN ||
	    memcmp(header, header_form, sizeof(header_form)) != 0)
		return;
	memcpy(&nr, header + 8, sizeof(nr));
	if (nr > (len - HEADER_LEN) / sizeof(*ret->table))
		return;
	ret->base = header;
	ret->table = (const void *)(header + HEADER_LEN);
	ret->nr = nr;
}

/* Return: the start of the last function that starts at or before @p; NULL: none does. */
static const uint8_t *last_start(const struct crash_decode_starts *starts,
				 const uint8_t *p)
{
	uint32_t low = 0;
	uint32_t high = starts->nr;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (starts->base + starts->table[mid][0] <= p)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? starts->base + starts->table[low - 1][0] : NULL;
}

static bool is_store_opcode(uint8_t op)
{
	return op == 0x2b || op == 0xe7 || op == 0xf7;
}

/* True if an instruction of interest may have its opcode here. */
static bool may_be(const uint8_t *p, size_t left)
{
	if (left < 3)
		return false;
	switch (p[0]) {
	case 0x0f:
		return p[1] == 0xae || p[1] == 0xc3 || is_store_opcode(p[1]) ||
		       (p[1] == 0x38 && (p[2] == 0xf8 || p[2] == 0xf9));
	case 0xc5: /* VEX */
		return is_store_opcode(p[2]);
	case 0xc4:
		return left > 3 && (p[1] & 0x1f) == 1 && is_store_opcode(p[3]);
	case 0x62: /* EVEX */
		return left > 4 && (p[1] & 7) == 1 && is_store_opcode(p[4]);
	default:
		return false;
	}
}

static bool set_address(struct crash_insn *insn, struct crash_insn_address *ret,
			const ZydisDecodedInstruction *decoded,
			const ZydisDecodedOperandMem *mem)
{
	if (mem->segment == ZYDIS_REGISTER_FS || mem->segment == ZYDIS_REGISTER_GS)
		return false;
	ret->base = ret->index = -1;
	ret->scale = mem->scale;
	ret->disp = mem->disp.has_displacement ? mem->disp.value : 0;
	ret->is_32 = decoded->address_width == 32;
	if (mem->base == ZYDIS_REGISTER_RIP || mem->base == ZYDIS_REGISTER_EIP)
		ret->disp += (int64_t)(insn->at + insn->len);
	else if (mem->base != ZYDIS_REGISTER_NONE)
		ret->base = ZydisRegisterGetId(mem->base);
	if (mem->index != ZYDIS_REGISTER_NONE)
		ret->index = ZydisRegisterGetId(mem->index);
	return true;
}

static void set_source(struct crash_insn *insn, ZydisRegister reg)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(reg);

	if (class == ZYDIS_REGCLASS_GPR32 || class == ZYDIS_REGCLASS_GPR64)
		insn->source = CRASH_INSN_GENERAL;
	else if (class == ZYDIS_REGCLASS_MMX)
		insn->source = CRASH_INSN_MMX;
	else
		insn->source = CRASH_INSN_VECTOR;
	insn->reg = (uint8_t)ZydisRegisterGetId(reg);
}

static enum crash_insn_kind kind_of(ZydisMnemonic mnemonic)
{
	static const struct {
		ZydisMnemonic mnemonic;
		enum crash_insn_kind kind;
	} kinds[] = {
		{ZYDIS_MNEMONIC_CLWB, CRASH_INSN_FLUSH},
		{ZYDIS_MNEMONIC_CLFLUSHOPT, CRASH_INSN_FLUSH},
		{ZYDIS_MNEMONIC_CLFLUSH, CRASH_INSN_FLUSH_NOW},
		{ZYDIS_MNEMONIC_SFENCE, CRASH_INSN_FENCE},
		{ZYDIS_MNEMONIC_MFENCE, CRASH_INSN_FENCE},
		{ZYDIS_MNEMONIC_MOVNTI, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_MOVNTQ, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_MOVNTDQ, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_MOVNTPD, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_MOVNTPS, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_MOVNTSD, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_MOVNTSS, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_VMOVNTDQ, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_VMOVNTPD, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_VMOVNTPS, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_MOVDIRI, CRASH_INSN_STORE},
		{ZYDIS_MNEMONIC_MASKMOVQ, CRASH_INSN_STORE_SOME},
		{ZYDIS_MNEMONIC_MASKMOVDQU, CRASH_INSN_STORE_SOME},
		{ZYDIS_MNEMONIC_VMASKMOVDQU, CRASH_INSN_STORE_SOME},
		{ZYDIS_MNEMONIC_MOVDIR64B, CRASH_INSN_COPY},
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].mnemonic == mnemonic)
			return kinds[i].kind;
	return CRASH_INSN_NONE;
}

/* Describe an instruction. Return: false: it is not of interest. */
static bool describe(struct crash_insn *insn, const ZydisDecodedInstruction *decoded,
		     const ZydisDecodedOperand *ops)
{
	insn->kind = (uint8_t)kind_of(decoded->mnemonic);
	insn->len = decoded->length;
	switch ((enum crash_insn_kind)insn->kind) {
	case CRASH_INSN_FENCE:
		return true;
	case CRASH_INSN_FLUSH:
	case CRASH_INSN_FLUSH_NOW:
		insn->size = 1;
		return set_address(insn, &insn->to, decoded, &ops[0].mem);
	case CRASH_INSN_STORE:
		insn->size = (uint8_t)(ops[0].size / 8);
		set_source(insn, ops[1].reg.value);
		return set_address(insn, &insn->to, decoded, &ops[0].mem);
	case CRASH_INSN_STORE_SOME: /* to [rdi] */
		insn->size = decoded->mnemonic == ZYDIS_MNEMONIC_MASKMOVQ ? 8 : 16;
		set_source(insn, ops[0].reg.value);
		insn->mask = (uint8_t)ZydisRegisterGetId(ops[1].reg.value);
		insn->to = (struct crash_insn_address){
			.base = (int8_t)ZydisRegisterGetId(ZYDIS_REGISTER_RDI),
			.index = -1,
			.is_32 = decoded->address_width == 32};
		return !(decoded->attributes &
			 (ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS));
	case CRASH_INSN_COPY: /* the register has the address */
		insn->size = 64;
		insn->to = (struct crash_insn_address){
			.base = ZydisRegisterGetId(ops[0].reg.value),
			.index = -1,
			.is_32 = decoded->address_width == 32};
		return set_address(insn, &insn->from, decoded, &ops[1].mem);
	case CRASH_INSN_NONE:
	case CRASH_INSN_LOADER:
		break;
	}
	return false;
}

/**
 * crash_decode() - find the instructions of interest in a range of code
 * @from, @to:	the range, which starts with an instruction and holds no data
 * @starts:	where functions start
 * @emit:	is called for each, in order
 * @arg:	for @emit
 *
 * Async-signal-safe if @emit is.
 */
void crash_decode(const uint8_t *from, const uint8_t *to,
		  const struct crash_decode_starts *starts, crash_decode_emit *emit,
		  void *arg)
{
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction decoded;
	ZydisDecoder decoder;
	const uint8_t *next = from; /* an instruction starts here */
	const uint8_t *p;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (p = from; p < to; p++) {
		const uint8_t *start;

		if (!may_be(p, (size_t)(to - p)))
			continue;
		start = last_start(starts, p);
		if (start > next)
			next = start;
		while (next <= p) {
			size_t left = (size_t)(to - next);
			struct crash_insn insn = {.at = (uint64_t)(uintptr_t)next};

			if (ZYAN_FAILED(ZydisDecoderDecodeFull(
				    &decoder, next, left < LONGEST ? left : LONGEST,
				    &decoded, ops))) {
				next++;
				continue;
			}
			next += decoded.length;
			if (next > p && describe(&insn, &decoded, ops))
				emit(arg, &insn);
		}
	}
}
#endif
