/* SPDX-License-Identifier: BSD-2-Clause */
/* Compiler attributes and hints. */
#ifndef SHIM_COMPILER_H
#define SHIM_COMPILER_H

#define SHIM_EXPORT __attribute__((visibility("default")))
#define SHIM_COLD   __attribute__((noinline, cold))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#endif
