/* SPDX-License-Identifier: BSD-2-Clause */
/* Tell pointers from numbers that cannot be one. */
#ifndef SHIM_POINTER_H
#define SHIM_POINTER_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/verdict.h"

#define SHIM_POINTER_MIN 4096 /* the first page is never mapped */

/**
 * shim_is_pointer() - tell whether a program's pointer leads into its address space
 * @p:	the pointer
 *
 * The kernel answers EFAULT for others. Async-signal-safe.
 *
 * Return: true if it does; there may be no memory, all the same.
 */
static inline bool shim_is_pointer(const void *p)
{
	return (uintptr_t)p - SHIM_POINTER_MIN < DAX_TASK_SIZE - SHIM_POINTER_MIN;
}

#endif
