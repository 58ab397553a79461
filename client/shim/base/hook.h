/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls from a lower file to a higher one.
 *
 * A hook is a variable of the lower file. It is NULL until a higher file that depends on
 * the event sets it, so the lower file includes nothing of the higher one.
 */
#ifndef SHIM_HOOK_H
#define SHIM_HOOK_H

typedef void shim_hook(void);

/**
 * shim_hook_call() - call a hook if it is set
 * @hook:	the variable
 *
 * Async-signal-safe if the hook's function is.
 */
static inline void shim_hook_call(shim_hook *const *hook)
{
	shim_hook *fn = __atomic_load_n(hook, __ATOMIC_ACQUIRE);

	if (fn)
		fn();
}

/**
 * shim_hook_set() - set the function that a hook calls
 * @hook:	the variable
 * @fn:		the function; several threads may set the same one
 *
 * The first function stays: a later call changes nothing. Async-signal-safe.
 */
static inline void shim_hook_set(shim_hook **hook, shim_hook *fn)
{
	if (!__atomic_load_n(hook, __ATOMIC_RELAXED))
		__atomic_store_n(hook, fn, __ATOMIC_RELEASE);
}

#endif
