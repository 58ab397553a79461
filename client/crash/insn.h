/* SPDX-License-Identifier: BSD-2-Clause */
/* An instruction that flushes, fences, or stores past the cache, on x86-64. */
#ifndef CRASH_INSN_H
#define CRASH_INSN_H

#include <stdbool.h>
#include <stdint.h>

enum crash_insn_kind {
	CRASH_INSN_NONE,       /* its library has been unloaded */
	CRASH_INSN_FLUSH,      /* clwb, clflushopt */
	CRASH_INSN_FLUSH_NOW,  /* clflush, which later stores cannot overtake */
	CRASH_INSN_FENCE,      /* sfence, mfence */
	CRASH_INSN_STORE,      /* movnt..., movdiri */
	CRASH_INSN_STORE_SOME, /* maskmov...: the bytes that a mask chooses */
	CRASH_INSN_COPY,       /* movdir64b: from memory */
	CRASH_INSN_LOADER, /* none of these: the dynamic loader tells debuggers here */
};

enum crash_insn_source {
	CRASH_INSN_GENERAL, /* a general register */
	CRASH_INSN_MMX,
	CRASH_INSN_VECTOR, /* xmm, ymm or zmm */
};

/* base + index * scale + disp */
struct crash_insn_address {
	int8_t base; /* number of a general register as instructions encode it; -1: none */
	int8_t index;
	uint8_t scale;
	bool is_32; /* only the lower half counts */
	int64_t disp;
};

struct crash_insn {
	uint64_t at;
	uint8_t len;
	uint8_t size;   /* bytes that it stores */
	uint8_t kind;   /* enum crash_insn_kind */
	uint8_t source; /* enum crash_insn_source */
	uint8_t reg;    /* number of the register that it stores */
	uint8_t mask;   /* the same of the mask */
	struct crash_insn_address to;
	struct crash_insn_address from;
};

#endif
