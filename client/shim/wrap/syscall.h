/* SPDX-License-Identifier: BSD-2-Clause */
/* Carry out system calls by number. */
#ifndef SHIM_SYSCALL_H
#define SHIM_SYSCALL_H

#include <stdint.h>

/* Numbers from here on are never those of a call that concerns a device. */
#define SHIM_SYSCALL_NR 512

/* Bit n is set if system call n may concern a device. */
extern const uint64_t shim_syscall_bits[SHIM_SYSCALL_NR / 64];

long shim_syscall(long n, long a, long b, long c, long d, long e, long f);
long shim_syscall_failed(long r);

#endif
