/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The preload library of dynamically linked programs below a static one.
 *
 * They inherit the filter of client/graft/, which stops system calls that come from the
 * program itself: libc's come from elsewhere. Few programs make such calls, but these would
 * be killed. So this library, which is loaded in front of the shim, has a handler of SIGSYS
 * that makes them: as they are, for the shim does not see them in other programs either.
 * Only exec is the shim's, as the child has the filter, too.
 *
 * It is loaded by no other program, so it may have a constructor.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/graft/call.h"
#include "client/graft/filter.h"
#include "client/graft/signal.h"

/* A real function of libc's, which this library hides. */
#define NEXT(name) ((__typeof__(&(name)))(uintptr_t)dlsym(RTLD_NEXT, #name))

static bool is_below_filter;

/* fork(2), and clone(2) without CLONE_VM: the child leaves the handler as the parent does. */
static long fork_here(const struct graft_call *c)
{
	const bool is_clone = c->nr == SYS_clone;
	const long *a = c->args;
	const long r = is_clone ? sys5(clone, a[0], 0, a[2], a[3], a[4])
				: sys5(clone, SIGCHLD, 0, 0, 0, 0);

	if (r == 0 && is_clone && a[1])
		*c->stack = a[1];
	return r;
}

static long exec_here(const struct graft_call *c)
{
	const long *a = c->args;
	const int saved = errno;
	long r = syscall(c->nr, a[0], a[1], a[2], a[3], a[4]);

	r = r < 0 ? -errno : r;
	errno = saved;
	return r;
}

/* The kernel sets the stack in the handler's frame when the handler returns. */
static long set_stack(const struct graft_call *c)
{
	const long r = graft_call_kernel(c);

	if (r == 0 && c->args[0])
		graft_call_read(c->altstack, (const void *)c->args[0],
				sizeof(*c->altstack));
	return r;
}

static long answer_call(const struct graft_call *c)
{
	long r;

	switch (c->nr) {
	case SYS_fork:
	case SYS_clone:
		return fork_here(c);
	case SYS_execve:
	case SYS_execveat:
		return exec_here(c);
	case SYS_sigaltstack:
		return set_stack(c);
	default:
		return graft_signal_call(c, &r) ? r : graft_call_kernel(c);
	}
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const struct graft_call c = graft_call_of(info, uc);

	if (info->si_code != 1 || info->si_errno != GRAFT_FILTER_DATA)
		graft_signal_pass_on(sig, info, context);
	else
		uc->uc_mcontext.gregs[REG_RAX] = answer_call(&c);
}

__attribute__((constructor)) static void start(void)
{
	struct sigaction act = {.sa_sigaction = on_sigsys,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART |
					    SA_NODEFER};
	sigset_t set;

	is_below_filter = graft_filter_is_inherited();
	if (!is_below_filter)
		return;
	NEXT(sigaction)(SIGSYS, &act, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	NEXT(sigprocmask)(SIG_UNBLOCK, &set, NULL);
}

/* Keeps the handler of SIGSYS; the program sees the action that it has set. */
SHIM_EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	static struct sigaction app;
	struct sigaction mine;

	if (!is_below_filter)
		return NEXT(sigaction)(sig, act, old);
	if (sig == SIGSYS) {
		mine = app;
		if (act)
			app = *act;
		if (old)
			*old = mine;
		return 0;
	}
	if (act) {
		mine = *act;
		sigdelset(&mine.sa_mask, SIGSYS);
	}
	return NEXT(sigaction)(sig, act ? &mine : NULL, old);
}

static int set_mask(__typeof__(&sigprocmask) next, int how, const sigset_t *set,
		    sigset_t *old)
{
	sigset_t mine;

	if (set && how != SIG_UNBLOCK && is_below_filter) {
		mine = *set;
		sigdelset(&mine, SIGSYS);
		set = &mine;
	}
	return next(how, set, old);
}

SHIM_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return set_mask(NEXT(sigprocmask), how, set, old);
}

SHIM_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return set_mask(NEXT(pthread_sigmask), how, set, old);
}
