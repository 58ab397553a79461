/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that the wrappers call: those of libc, or of another preloaded library
 * between the shim and libc.
 *
 * Each function is bound at its first use. A constructor that binds them all would crash
 * gdb and valgrind.
 */
#ifndef SHIM_REAL_H
#define SHIM_REAL_H

#include "client/shim/base/compiler.h"

void *shim_real_bind(void **slot, const char *name);

#define REAL(name)                                                                       \
	({                                                                               \
		static void *slot_;                                                      \
		void *real_ = __atomic_load_n(&slot_, __ATOMIC_RELAXED);                 \
		if (unlikely(!real_))                                                    \
			real_ = shim_real_bind(&slot_, #name);                           \
		(__typeof__(&(name)))real_;                                              \
	})

#endif
