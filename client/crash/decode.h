/* SPDX-License-Identifier: BSD-2-Clause */
/* Find the instructions of interest in a range of code. */
#ifndef CRASH_DECODE_H
#define CRASH_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "client/crash/insn.h"

/* Where functions start, from the table for unwinders (.eh_frame_hdr). */
struct crash_decode_starts {
	const uint8_t *base;
	const int32_t (*table)[2]; /* starts relative to @base, in order; and more */
	uint32_t nr;
};

typedef void crash_decode_emit(void *arg, const struct crash_insn *insn);

void crash_decode_starts(struct crash_decode_starts *ret, const uint8_t *header,
			 size_t len);
void crash_decode(const uint8_t *from, const uint8_t *to,
		  const struct crash_decode_starts *starts, crash_decode_emit *emit,
		  void *arg);

#endif
