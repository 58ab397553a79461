/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keep SIGSYS for the shim, whatever the program does with its signals.
 *
 * The kernel kills a process in which the filter stops a call while SIGSYS is blocked or
 * has no handler. So no mask of the program's ever blocks it, and the program's own action
 * for it is kept here, where the program sees it. Signals that do not come from the filter
 * go to that action.
 */
#include "client/graft/signal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include "client/shim/base/sys.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* The program's action. */
static struct shim_sigaction app;

/**
 * graft_signal_pass_on() - give a signal to the program that is not the filter's
 * @sig, @info, @context:	the handler's arguments
 */
void graft_signal_pass_on(int sig, siginfo_t *info, void *context)
{
	static const struct shim_sigaction dies = {.handler = (void *)SIG_DFL};
	const uint64_t sigsys = GRAFT_CALL_SIGSYS;
	const struct shim_sigaction act = app;
	uint64_t mask;

	if (act.handler == (void *)SIG_IGN)
		return;
	if (act.handler == (void *)SIG_DFL) {
		sys4(rt_sigaction, SIGSYS, &dies, NULL, sizeof(uint64_t));
		sys3(tgkill, sys0(getpid), sys0(gettid), sig);
		sys4(rt_sigprocmask, SIG_UNBLOCK, &sigsys, NULL, sizeof(sigsys));
		return;
	}
	if (act.flags & SA_RESETHAND)
		app.handler = (void *)SIG_DFL;
	memcpy(&mask, &((ucontext_t *)context)->uc_sigmask, sizeof(mask));
	mask |= act.mask & ~GRAFT_CALL_SIGSYS;
	sys4(rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	((void (*)(int, siginfo_t *, void *))(uintptr_t)act.handler)(sig, info, context);
}

/* rt_sigprocmask(2): what is changed is the mask to which the handler returns. */
static long change_mask(const struct graft_call *c)
{
	const uint64_t before = *c->mask;
	uint64_t set;

	if (c->args[3] != sizeof(set))
		return -EINVAL;
	if (graft_call_read(&set, (const void *)c->args[1], sizeof(set)) < 0)
		return -EFAULT;
	set &= ~(GRAFT_CALL_SIGSYS | UINT64_C(1) << (SIGKILL - 1) |
		 UINT64_C(1) << (SIGSTOP - 1));
	switch (c->args[0]) {
	case SIG_BLOCK:
		*c->mask |= set;
		break;
	case SIG_UNBLOCK:
		*c->mask &= ~set;
		break;
	case SIG_SETMASK:
		*c->mask = set;
		break;
	default:
		return -EINVAL;
	}
	if (c->args[2] &&
	    graft_call_write((void *)c->args[2], &before, sizeof(before)) < 0)
		return -EFAULT;
	return 0;
}

/**
 * graft_signal_change_app() - set the program's action for SIGSYS
 * @act:	the new action, or NULL
 * @old:	receives the old action, or NULL
 */
void graft_signal_change_app(const struct shim_sigaction *act, struct shim_sigaction *old)
{
	const struct shim_sigaction before = app;

	if (act)
		app = *act;
	if (old)
		*old = before;
}

/* rt_sigaction(SIGSYS). */
static long change_app(const struct graft_call *c)
{
	const struct shim_sigaction before = app;
	struct shim_sigaction act;

	if (c->args[3] != sizeof(act.mask))
		return -EINVAL;
	if (c->args[1]) {
		if (graft_call_read(&act, (const void *)c->args[1], sizeof(act)) < 0)
			return -EFAULT;
		app = act;
	}
	if (c->args[2] &&
	    graft_call_write((void *)c->args[2], &before, sizeof(before)) < 0)
		return -EFAULT;
	return 0;
}

/**
 * graft_signal_action() - read the new action of rt_sigaction(2)
 * @c:		the call
 * @act:	receives the action, which does not block SIGSYS, if there is one
 *
 * Return: 0 or a negative errno.
 */
long graft_signal_action(const struct graft_call *c, struct shim_sigaction *act)
{
	if (c->args[3] != sizeof(act->mask))
		return -EINVAL;
	if (!c->args[1])
		return 0;
	if (graft_call_read(act, (const void *)c->args[1], sizeof(*act)) < 0)
		return -EFAULT;
	act->mask &= ~GRAFT_CALL_SIGSYS;
	return 0;
}

/* A call that sleeps with a mask of its own, which is argument @arg. */
static long sleep_with_mask(const struct graft_call *c, int arg)
{
	struct graft_call mine = *c;
	uint64_t set;

	if (graft_call_read(&set, (const void *)c->args[arg], sizeof(set)) == 0) {
		set &= ~GRAFT_CALL_SIGSYS;
		mine.args[arg] = (long)&set;
	}
	return graft_call_interruptible(&mine);
}

/* pselect6(2), whose last argument points to the mask's address and size. */
static long select_with_mask(const struct graft_call *c)
{
	struct graft_call mine = *c;
	struct {
		const void *set;
		size_t size;
	} arg;
	uint64_t set;

	if (graft_call_read(&arg, (const void *)c->args[5], sizeof(arg)) == 0 &&
	    arg.set && graft_call_read(&set, arg.set, sizeof(set)) == 0) {
		set &= ~GRAFT_CALL_SIGSYS;
		arg.set = &set;
		mine.args[5] = (long)&arg;
	}
	return graft_call_interruptible(&mine);
}

/* rt_sigaction(2) of another signal, whose handler must not block SIGSYS. */
static long change_action(const struct graft_call *c)
{
	struct graft_call mine = *c;
	struct shim_sigaction act;
	const long r = graft_signal_action(c, &act);

	if (r < 0)
		return r;
	if (c->args[1])
		mine.args[1] = (long)&act;
	return graft_call_kernel(&mine);
}

/**
 * graft_signal_call() - answer a call that changes a mask or an action
 * @c:		the call
 * @ret:	receives a value or a negative errno
 *
 * Return: false if it is another call.
 */
bool graft_signal_call(const struct graft_call *c, long *ret)
{
	switch (c->nr) {
	case SYS_rt_sigprocmask:
		*ret = change_mask(c);
		return true;
	case SYS_rt_sigaction:
		*ret = c->args[0] == SIGSYS ? change_app(c) : change_action(c);
		return true;
	case SYS_rt_sigsuspend:
		*ret = sleep_with_mask(c, 0);
		return true;
	case SYS_ppoll:
		*ret = sleep_with_mask(c, 3);
		return true;
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		*ret = sleep_with_mask(c, 4);
		return true;
	case SYS_pselect6:
		*ret = select_with_mask(c);
		return true;
	default:
		return false;
	}
}
