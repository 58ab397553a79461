/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pages of the device this process has written to, as the kernel knows it. */
#ifndef CRASH_WRITTEN_H
#define CRASH_WRITTEN_H

#include <stdbool.h>
#include <stdint.h>

/* Receives a part of the device that was written to, in bytes. */
typedef void crash_written_look(uint64_t from, uint64_t to);

bool crash_written_find(crash_written_look *look);

#endif
