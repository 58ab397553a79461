/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of the shim. */
#ifndef SHIM_THREAD_H
#define SHIM_THREAD_H

#include <stdbool.h>

/* A stack, and what thread-local variables need. */
#define SHIM_THREAD_BYTES (100 * 1024)

bool shim_thread_start(char *at, void (*fn)(void));
bool shim_thread_be_small(void);
bool shim_thread_is_of_libc(void);

#endif
