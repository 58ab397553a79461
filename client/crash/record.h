/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Record the flushes and fences of this process in the log of the run.
 *
 * The library is preloaded in front of the shim by daxrun --crash, and by nothing else.
 * Outside a recorded run its functions do nothing.
 */
#ifndef CRASH_RECORD_H
#define CRASH_RECORD_H

#include <stdbool.h>
#include <stddef.h>

void crash_record_flush(const void *addr, size_t len);
void crash_record_flush_now(const void *addr);
void crash_record_fence(void);
void crash_record_written(const void *addr, size_t len, unsigned int flags);
bool crash_record_is_by_instructions(void);
void crash_record_code(int error);

#endif
