/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit of open descriptors, raised for a moment when the program has used it up. */
#include "client/shim/base/compiler.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "client/shim/base/sys.h"
#include "libcore/wire.h"

/* How many numbers are needed for a moment: a socket, what comes over it, its copy. */
#define NUMBERS 8

/**
 * shim_raise_limit() - make room for a few descriptors
 * @ret_soft:	receives the limit that shim_set_limit() is to set again
 *
 * For when the program has used all that it may have: on a real device it would need
 * none.
 *
 * Return: false if it may not have more.
 */
SHIM_COLD bool shim_raise_limit(uint64_t *ret_soft)
{
	struct rlimit limit;

	if (sys4(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0 ||
	    limit.rlim_cur + NUMBERS > limit.rlim_max)
		return false;
	*ret_soft = limit.rlim_cur;
	shim_set_limit(limit.rlim_cur + NUMBERS);
	return true;
}

SHIM_COLD void shim_set_limit(uint64_t soft)
{
	struct rlimit limit;

	if (sys4(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
		return;
	limit.rlim_cur = soft;
	sys4(prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
}
