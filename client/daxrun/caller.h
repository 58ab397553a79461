/* SPDX-License-Identifier: BSD-2-Clause */
/* Say where in a program an address is. */
#ifndef RUN_CALLER_H
#define RUN_CALLER_H

#include <stdint.h>

char *run_caller_describe(const char *path, uint64_t addr);

#endif
