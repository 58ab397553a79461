/* SPDX-License-Identifier: BSD-2-Clause */
/* Differences between the C libraries of programs: glibc and musl. */
#ifndef SHIM_LIBC_H
#define SHIM_LIBC_H

#include <stdbool.h>

bool shim_libc_is_gnu(void);
void shim_libc_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void));

#endif
