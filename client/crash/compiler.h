/* SPDX-License-Identifier: BSD-2-Clause */
/* Compiler attributes. */
#ifndef CRASH_COMPILER_H
#define CRASH_COMPILER_H

#define CRASH_EXPORT __attribute__((visibility("default")))

#endif
