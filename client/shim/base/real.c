/* SPDX-License-Identifier: BSD-2-Clause */
/* Bind the functions that the wrappers call: those of the next library. */
#include "client/shim/base/real.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "client/shim/base/libc.h"
#include "client/shim/base/symbol.h"
#include "client/shim/base/sys.h"

/* Stands in for a function that the process's libc does not have. */
static long missing_function(void)
{
	errno = ENOSYS;
	return -1;
}

#define PARAMETERS long a, long b, long c, long d, long e

static long finish(long r)
{
	if (!sys_is_error(r))
		return r;
	errno = (int)-r;
	return -1;
}

#define CALL(name, ...)                                                                  \
	static long call_##name(PARAMETERS)                                              \
	{                                                                                \
		(void)b, (void)c, (void)d, (void)e;                                      \
		return finish(__VA_ARGS__);                                              \
	}

/* Functions that musl lacks, though a program may make the calls by number: syscall(2). */
CALL(statx, sys5(statx, a, b, c, d, e))
CALL(execveat, sys5(execveat, a, b, c, d, e))
CALL(preadv2, sys6(preadv2, a, b, c, d, 0, e))
CALL(pwritev2, sys6(pwritev2, a, b, c, d, 0, e))
CALL(pkey_mprotect, sys4(pkey_mprotect, a, b, c, d))
/* Functions with which musl itself writes to the program's memory, or does more. */
CALL(stat, sys4(newfstatat, AT_FDCWD, a, b, 0))
CALL(lstat, sys4(newfstatat, AT_FDCWD, a, b, AT_SYMLINK_NOFOLLOW))
CALL(fstat, sys2(fstat, a, b))
CALL(fstatat, sys4(newfstatat, a, b, c, d))
CALL(statfs, sys2(statfs, a, b))
CALL(fstatfs, sys2(fstatfs, a, b))
CALL(fchmod, sys2(fchmod, a, b))

/*
 * Functions in whose place the shim makes system calls in a program that is linked to
 * musl. Their structures are the kernel's. Return: NULL for all others. A table would be
 * relocated data, of which each program that starts copies a page.
 */
static SHIM_COLD void *call_instead(const char *name)
{
#define TRY(function)                                                                    \
	if (!strcmp(name, #function))                                                    \
	return (void *)call_##function
	TRY(statx);
	TRY(execveat);
	TRY(preadv2);
	TRY(pwritev2);
	TRY(pkey_mprotect);
	TRY(stat);
	TRY(lstat);
	TRY(fstat);
	TRY(fstatat);
	TRY(statfs);
	TRY(fstatfs);
	TRY(fchmod);
#undef TRY
	return NULL;
}

/**
 * shim_real_bind() - find the next library's function with a given name
 * @slot:	receives the function, so that REAL() need not look it up again
 * @name:	name of the function
 *
 * Any thread may call this at any time: all of them find the same function. errno is
 * preserved.
 *
 * Return: the function; if there is none, a function that fails with ENOSYS. In a program
 * that is linked to musl, some are the shim's own.
 */
void *shim_real_bind(void **slot, const char *name)
{
	const int saved = errno;
	void *p = shim_libc_is_gnu() ? NULL : call_instead(name);

	if (!p)
		p = shim_symbol_next(name);
	if (!p)
		p = (void *)missing_function;
	__atomic_store_n(slot, p, __ATOMIC_RELAXED);
	errno = saved;
	return p;
}
