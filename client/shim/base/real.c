/* SPDX-License-Identifier: BSD-2-Clause */
/* Bind the functions that the wrappers call: those of the next library. */
#include "client/shim/base/real.h"

#include <errno.h>

#include "client/shim/base/symbol.h"

/* Stands in for a function that the process's libc does not have. */
static long missing_function(void)
{
	errno = ENOSYS;
	return -1;
}

/**
 * shim_real_bind() - find the next library's function with a given name
 * @slot:	receives the function, so that REAL() need not look it up again
 * @name:	name of the function
 *
 * Any thread may call this at any time: all of them find the same function. errno is
 * preserved.
 *
 * Return: the function; if there is none, a function that fails with ENOSYS.
 */
void *shim_real_bind(void **slot, const char *name)
{
	const int saved = errno;
	void *p = shim_symbol_next(name);

	if (!p)
		p = (void *)missing_function;
	__atomic_store_n(slot, p, __ATOMIC_RELAXED);
	errno = saved;
	return p;
}
