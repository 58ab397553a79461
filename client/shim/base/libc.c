/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Differences between the C libraries of programs. The shim is built with glibc, and
 * the dynamic linker of musl loads it as well: musl has all the functions that the shim
 * needs but one, to which the reference here is weak.
 */
#include "client/shim/base/libc.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "client/shim/base/symbol.h"
#include "client/shim/base/sys.h"

typedef void fork_handler(void);

/* glibc has pthread_atfork(3) only in its static part, which calls this function. */
extern int __register_atfork(fork_handler *before, fork_handler *parent,
			     fork_handler *child, void *dso) __attribute__((weak));

/**
 * shim_libc_is_gnu() - tell the C library of this process
 *
 * Return: true for glibc. Async-signal-safe.
 */
bool shim_libc_is_gnu(void)
{
	return __register_atfork != NULL;
}

/**
 * shim_libc_at_fork() - register handlers for fork(2)
 * @before:	called in the parent, before
 * @parent:	called in the parent, afterwards
 * @child:	called in the child
 *
 * Not async-signal-safe: pthread_atfork(3) allocates memory. The handlers are never
 * removed, as the shim is never unloaded.
 */
void shim_libc_at_fork(fork_handler *before, fork_handler *parent, fork_handler *child)
{
	int (*at_fork)(fork_handler *, fork_handler *, fork_handler *);
	const uint64_t all = UINT64_MAX;
	uint64_t mask;

	/* A handler that jumped away from here would keep libc's lock, and fork and exit hang. */
	sys4(rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof(all));
	if (__register_atfork) {
		__register_atfork(before, parent, child, NULL);
	} else {
		at_fork = (__typeof__(at_fork))shim_symbol_next("pthread_atfork");
		if (at_fork)
			at_fork(before, parent, child);
	}
	sys4(rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}
