/* SPDX-License-Identifier: BSD-2-Clause */
/* Do what an instruction of interest does, with the registers of a signal's context. */
#ifndef CRASH_EMULATE_H
#define CRASH_EMULATE_H

#include <stdint.h>
#include <ucontext.h>

#include "client/crash/insn.h"

void crash_emulate_init(void);
uint64_t crash_emulate_address(const struct crash_insn *insn, const ucontext_t *context);
void crash_emulate_store(const struct crash_insn *insn, const ucontext_t *context);

#endif
