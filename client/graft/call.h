/* SPDX-License-Identifier: BSD-2-Clause */
/* A system call that the filter has stopped. */
#ifndef GRAFT_CALL_H
#define GRAFT_CALL_H

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "client/shim/base/sys.h"

struct graft_call {
	long nr;
	long args[6];
	/* The program's signal mask, which is in force again when the call has returned. */
	uint64_t *mask;
	/* The program's stack pointer, likewise. */
	long long *stack;
};

#define GRAFT_CALL_SIGSYS (UINT64_C(1) << (SIGSYS - 1))

/**
 * graft_call_kernel() - make the call as the program has made it
 * @c:	the call
 *
 * All signals are blocked meanwhile.
 *
 * Return: a value or a negative errno.
 */
static inline long graft_call_kernel(const struct graft_call *c)
{
	return sys_call6(c->nr, c->args[0], c->args[1], c->args[2], c->args[3],
			 c->args[4], c->args[5]);
}

/**
 * graft_call_interruptible() - make a call that may sleep, with the program's signals
 * @c:	the call
 *
 * Handlers of the program may run meanwhile, and need not return. So the caller holds
 * nothing.
 *
 * Return: a value or a negative errno.
 */
static inline long graft_call_interruptible(const struct graft_call *c)
{
	const uint64_t all = ~UINT64_C(0);
	long r;

	sys4(rt_sigprocmask, SIG_SETMASK, c->mask, NULL, sizeof(all));
	r = graft_call_kernel(c);
	sys4(rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	return r;
}

/* Copies from or to memory of the program. Return: 0, or -EFAULT. */
static inline long graft_call_copy(long copy, void *ours, const void *theirs, size_t n)
{
	struct iovec local = {.iov_base = ours, .iov_len = n};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)theirs, .iov_len = n};

	return sys_call6(copy, sys0(getpid), (long)&local, 1, (long)&remote, 1, 0) ==
			       (long)n
		       ? 0
		       : -EFAULT;
}

#define graft_call_read(to, from, n) graft_call_copy(SYS_process_vm_readv, to, from, n)
#define graft_call_write(to, from, n)                                                    \
	graft_call_copy(SYS_process_vm_writev, (void *)(uintptr_t)(from), to, n)

#endif
