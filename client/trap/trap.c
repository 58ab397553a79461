/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The preload library of programs with libraries that make system calls themselves.
 *
 * The shim sees what they call in libc. This library, which is loaded in front of the shim,
 * answers the calls that come from the program itself, as client/graft/ does in a static
 * program; it is the same code, with a shim of its own in it. Go programs with cgo need it,
 * and all programs below one that has the filter of client/graft/, which is inherited.
 *
 * It is loaded by no other program, so it may have a constructor.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/graft/begin.h"
#include "client/graft/initial.h"
#include "client/graft/signal.h"

/* A real function of libc's, which this library hides. */
#define NEXT(name) ((__typeof__(&(name)))(uintptr_t)dlsym(RTLD_NEXT, #name))

static bool is_begun;

__attribute__((constructor)) static void start(void)
{
	graft_initial_find(environ);
	is_begun = graft_begin(true);
}

/* Keeps the handler of SIGSYS; the program sees the action that it has set. */
static void change_app(const struct sigaction *act, struct sigaction *old)
{
	struct shim_sigaction before;
	struct shim_sigaction new;

	if (act) {
		new = (struct shim_sigaction){.handler =
						      (void *)(uintptr_t)act->sa_handler,
					      .flags = (unsigned long)act->sa_flags};
		memcpy(&new.mask, &act->sa_mask, sizeof(new.mask));
	}
	graft_signal_change_app(act ? &new : NULL, &before);
	if (!old)
		return;
	memset(old, 0, sizeof(*old));
	old->sa_handler = (void (*)(int))(uintptr_t)before.handler;
	old->sa_flags = (int)before.flags;
	memcpy(&old->sa_mask, &before.mask, sizeof(before.mask));
}

SHIM_EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction mine;

	if (!is_begun)
		return NEXT(sigaction)(sig, act, old);
	if (sig == SIGSYS) {
		change_app(act, old);
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

	if (set && how != SIG_UNBLOCK && is_begun) {
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
