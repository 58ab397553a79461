/* SPDX-License-Identifier: BSD-2-Clause */
/* Start threads that libc does not know. */
#ifndef SHIM_THREAD_H
#define SHIM_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes for the stack and the thread-local variables of a thread. */
#define SHIM_THREAD_BYTES (100 * 1024)

int32_t shim_thread_start(char *at, void (*fn)(void));
bool shim_thread_be_small(void);
bool shim_thread_is_of_libc(void);

#endif
