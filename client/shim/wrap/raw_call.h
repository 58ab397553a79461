/* SPDX-License-Identifier: BSD-2-Clause */
/* Carry out system calls for which libc has no function. */
#ifndef SHIM_RAW_CALL_H
#define SHIM_RAW_CALL_H

#include <stdbool.h>
#include <stdint.h>

bool shim_raw_is_missing(long nr);
bool shim_raw_is_bad_null(const char *path);
long shim_raw_path(long nr, const long x[6]);
long shim_raw_move_mount(const long x[6]);
long shim_raw_cachestat(int fd, const void *range, void *found, unsigned int flags);

#endif
