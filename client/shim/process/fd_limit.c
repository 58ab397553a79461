/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit of open descriptors, raised for a moment when the program has used it up. */
#include "client/shim/process/fd_limit.h"

#include <stddef.h>
#include <sys/resource.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"

/* How many numbers are needed for a moment: a socket, what comes over it, its copy. */
#define NUMBERS 8

/**
 * shim_fd_limit_raise() - make room for a few descriptors
 * @ret_soft:	receives the limit that shim_fd_limit_set() must set again
 *
 * For when the program has used all that it may have: on a real device a mapping needs
 * none. Async-signal-safe.
 *
 * Return: true, or false if the process may not have more.
 */
SHIM_COLD bool shim_fd_limit_raise(uint64_t *ret_soft)
{
	struct rlimit limit;

	if (sys4(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0 ||
	    limit.rlim_cur + NUMBERS > limit.rlim_max)
		return false;
	*ret_soft = limit.rlim_cur;
	shim_fd_limit_set(limit.rlim_cur + NUMBERS);
	return true;
}

/**
 * shim_fd_limit_set() - set the soft limit of open descriptors again
 * @soft:	the limit from shim_fd_limit_raise()
 *
 * Async-signal-safe.
 */
SHIM_COLD void shim_fd_limit_set(uint64_t soft)
{
	struct rlimit limit;

	if (sys4(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
		return;
	limit.rlim_cur = soft;
	sys4(prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
}
