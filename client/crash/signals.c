/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Share SIGTRAP with the program.
 *
 * The breakpoints need its handler, and that it is never blocked: the kernel kills a
 * program that meets a breakpoint then. The program sees the action that it has set
 * itself, and what is not the recorder's goes there. All other signals are the program's.
 */
#include "client/crash/signals.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "client/shim/base/sys.h"
#include "client/crash/compiler.h"

#define NEXT(name)                                                                       \
	({                                                                               \
		static void *next_;                                                      \
		if (!next_)                                                              \
			next_ = dlsym(RTLD_NEXT, #name);                                 \
		(__typeof__(&(name)))next_;                                              \
	})

static bool is_taken;
static struct sigaction app; /* the program's action */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/**
 * crash_signals_take() - install a handler for SIGTRAP
 * @handler:	the handler; it interrupts itself, but only faults do else
 *
 * To be called once, before the program has threads.
 */
void crash_signals_take(crash_signals_handler *handler)
{
	static const int faults[] = {SIGTRAP, SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGABRT};
	struct sigaction act = {.sa_sigaction = handler,
				.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
	sigset_t trap;
	size_t i;

	sigfillset(&act.sa_mask);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&act.sa_mask, faults[i]);
	NEXT(sigaction)(SIGTRAP, &act, &app);
	sigemptyset(&trap);
	sigaddset(&trap, SIGTRAP);
	NEXT(pthread_sigmask)(SIG_UNBLOCK, &trap, NULL);
	is_taken = true;
}

/* Let the kernel do what it does by default: the signal comes again after the handler. */
static void raise_again(siginfo_t *info)
{
	struct sigaction act = {.sa_handler = SIG_DFL};

	NEXT(sigaction)(SIGTRAP, &act, NULL);
	sys4(rt_tgsigqueueinfo, sys0(getpid), sys0(gettid), SIGTRAP, info);
}

/**
 * crash_signals_pass() - give a SIGTRAP to the program
 * @sig, @info, @context: as the handler got them
 *
 * The program's handler runs on the stack that the signal has interrupted.
 */
void crash_signals_pass(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *interrupted = context;
	bool is_sent = info->si_code <= 0; /* by a process: it can be ignored */
	struct sigaction act = app;
	sigset_t mask;

	if (act.sa_handler == SIG_IGN && is_sent)
		return;
	if (act.sa_handler == SIG_DFL || act.sa_handler == SIG_IGN) {
		raise_again(info);
		return;
	}
	if (act.sa_flags & (int)SA_RESETHAND)
		app.sa_handler = SIG_DFL;
	mask = interrupted->uc_sigmask;
	NEXT(pthread_sigmask)(SIG_SETMASK, &mask, NULL);
	NEXT(pthread_sigmask)(SIG_BLOCK, &act.sa_mask, NULL);
	if (act.sa_flags & SA_SIGINFO)
		act.sa_sigaction(sig, info, context);
	else
		act.sa_handler(sig);
}

/* Copy a set of signals without SIGTRAP. Return: the copy; NULL if there is no set. */
static const sigset_t *without_trap(const sigset_t *set, sigset_t *copy)
{
	if (!set || !is_taken)
		return set;
	*copy = *set;
	sigdelset(copy, SIGTRAP);
	return copy;
}

CRASH_EXPORT int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction copy;
	struct sigaction before;

	if (!is_taken || !act || sig == SIGTRAP) {
		if (!is_taken || sig != SIGTRAP)
			return NEXT(sigaction)(sig, act, old);
		pthread_mutex_lock(&lock);
		before = app;
		if (act) {
			app = *act;
			sigdelset(&app.sa_mask, SIGTRAP);
		}
		if (old)
			*old = before;
		pthread_mutex_unlock(&lock);
		return 0;
	}
	copy = *act;
	sigdelset(&copy.sa_mask, SIGTRAP);
	return NEXT(sigaction)(sig, &copy, old);
}

CRASH_EXPORT __sighandler_t signal(int sig, __sighandler_t handler)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
	struct sigaction old;

	if (!is_taken || sig != SIGTRAP || handler == SIG_ERR)
		return NEXT(signal)(sig, handler);
	sigaction(sig, &act, &old);
	return old.sa_handler;
}

CRASH_EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t copy;

	return NEXT(pthread_sigmask)(how, without_trap(set, &copy), old);
}

CRASH_EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	sigset_t copy;

	return NEXT(sigprocmask)(how, without_trap(set, &copy), old);
}
