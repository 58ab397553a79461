/* SPDX-License-Identifier: BSD-2-Clause */
/* A system call that the filter has stopped. */
#ifndef GRAFT_CALL_H
#define GRAFT_CALL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "client/shim/base/sys.h"

struct graft_call {
	long nr;
	long args[6];
	/* The program's signal mask, which is in force again when the call has returned. */
	uint64_t *mask;
	/* The program's stack pointer and alternate signal stack, likewise. */
	long long *stack;
	stack_t *altstack;
};

#define GRAFT_CALL_SIGSYS (UINT64_C(1) << (SIGSYS - 1))

/**
 * graft_call_of() - get the call that SIGSYS tells of
 * @info, @uc:	arguments of the handler; the call points into them
 *
 * Return: the call.
 */
static inline struct graft_call graft_call_of(const siginfo_t *info, ucontext_t *uc)
{
	greg_t *regs = uc->uc_mcontext.gregs;

	return (struct graft_call){
		.nr = info->si_syscall,
		.args = {regs[REG_RDI], regs[REG_RSI], regs[REG_RDX], regs[REG_R10],
			 regs[REG_R8], regs[REG_R9]},
		.mask = (uint64_t *)(void *)&uc->uc_sigmask,
		.stack = &regs[REG_RSP],
		.altstack = &uc->uc_stack,
	};
}

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

long graft_call_read(void *to, const void *from, size_t n);
long graft_call_write(void *to, const void *from, size_t n);
void graft_call_trust(void);

#endif
