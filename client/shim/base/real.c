/* SPDX-License-Identifier: BSD-2-Clause */
/* The next one's functions. */
#include "client/shim/base/real.h"

#include <dlfcn.h>
#include <errno.h>

/* Stands for a function that this libc does not have. */
static long missing_function(void)
{
	errno = ENOSYS;
	return -1;
}

/**
 * shim_real_bind() - find the next library's function of a name
 * @slot:	receives the function, for the next time
 * @name:	of the function
 *
 * Threads that do this at the same time find the same function. errno is kept.
 *
 * Return: the function; if there is none, one that fails with ENOSYS.
 */
void *shim_real_bind(void **slot, const char *name)
{
	const int saved = errno;
	void *p = dlsym(RTLD_NEXT, name);

	if (!p)
		p = (void *)missing_function;
	__atomic_store_n(slot, p, __ATOMIC_RELAXED);
	errno = saved;
	return p;
}
