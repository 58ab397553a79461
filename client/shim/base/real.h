/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The next one's functions: libc's, or those of a library behind us.
 *
 * Each is bound when it is first needed; gdb and valgrind do not survive a constructor
 * that binds them all.
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
