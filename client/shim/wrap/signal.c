/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap the functions that set the action of a signal.
 *
 * Only SIGBUS needs it: the shim may have installed its own handler there (sigbus.c).
 */
#include "client/shim/wrap/signal.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/session.h"
#include "client/shim/memory/sigbus.h"
#include "client/shim/wrap/wrap.h"

/* Some of these functions are deprecated. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* No longer declared in any header. */
__sighandler_t bsd_signal(int sig, __sighandler_t handler);
__sighandler_t __sysv_signal(int sig, __sighandler_t handler);

static inline bool is_ours(int sig)
{
	return unlikely(sig == SIGBUS) && shim_session_if_known();
}

static long set_action(const struct sigaction *act, struct sigaction *old)
{
	struct shim_sigaction in;
	struct shim_sigaction out;
	long r;

	if (act) {
		in.handler = (void *)(uintptr_t)act->sa_handler;
		in.flags = (unsigned int)act->sa_flags;
		in.restorer = shim_sigbus_restorer(&in.flags);
		memcpy(&in.mask, &act->sa_mask, sizeof(in.mask));
	}
	r = shim_sigbus_action(act ? &in : NULL, &out);
	if (r < 0 || !old)
		return r;
	memset(old, 0, sizeof(*old));
	old->sa_handler = (__sighandler_t)(uintptr_t)out.handler;
	old->sa_flags = (int)out.flags;
	old->sa_restorer = (void (*)(void))(uintptr_t)out.restorer;
	memcpy(&old->sa_mask, &out.mask, sizeof(out.mask));
	return 0;
}

SHIM_EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	if (!is_ours(sig))
		return REAL(sigaction)(sig, act, old);
	return (int)shim_ret(set_action(act, old));
}

static __sighandler_t set_handler(__sighandler_t handler, int flags, bool has_mask)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
	struct sigaction old;
	long r;

	if (handler == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	if (has_mask)
		act.sa_mask.__val[0] = 1UL << (SIGBUS - 1);
	r = set_action(&act, &old);
	if (r < 0) {
		errno = (int)-r;
		return SIG_ERR;
	}
	return old.sa_handler;
}

/* BSD's semantics, as in glibc (sysdeps/posix/signal.c), and System V's below. */
#define SIGNAL(name, flags, has_mask)                                                    \
	SHIM_EXPORT __sighandler_t name(int sig, __sighandler_t handler)                 \
	{                                                                                \
		if (!is_ours(sig))                                                       \
			return REAL(name)(sig, handler);                                 \
		return set_handler(handler, flags, has_mask);                            \
	}

SIGNAL(signal, SA_RESTART, true)
SIGNAL(bsd_signal, SA_RESTART, true)
SIGNAL(ssignal, SA_RESTART, true)
SIGNAL(sysv_signal, SA_RESETHAND | SA_NODEFER, false)
SIGNAL(__sysv_signal, SA_RESETHAND | SA_NODEFER, false)

SHIM_EXPORT int sigignore(int sig)
{
	if (!is_ours(sig))
		return REAL(sigignore)(sig);
	return set_handler(SIG_IGN, 0, false) == SIG_ERR ? -1 : 0;
}

/*
 * Also unblocks the signal, and returns SIG_HOLD if it was blocked (glibc's
 * signal/sigset.c).
 */
SHIM_EXPORT __sighandler_t sigset(int sig, __sighandler_t handler)
{
	uint64_t bus = UINT64_C(1) << (SIGBUS - 1);
	__sighandler_t old;
	uint64_t before = 0;

	if (!is_ours(sig) || handler == SIG_HOLD)
		return REAL(sigset)(sig, handler);
	old = set_handler(handler, 0, false);
	if (old == SIG_ERR)
		return old;
	sys4(rt_sigprocmask, SIG_UNBLOCK, &bus, &before, sizeof(before));
	return before & bus ? SIG_HOLD : old;
}

/**
 * shim_signal_rt_action() - do what rt_sigaction(2) does, for syscall(2)
 * @sig, @act, @old, @size:	rt_sigaction's arguments
 *
 * Takes the lock if @sig is SIGBUS. Async-signal-safe.
 *
 * Return: 0 or a negative errno.
 */
long shim_signal_rt_action(int sig, const void *act, void *old, size_t size)
{
	if (!is_ours(sig) || size != sizeof(uint64_t))
		return sys4(rt_sigaction, sig, act, old, size);
	return shim_sigbus_action(act, old);
}
