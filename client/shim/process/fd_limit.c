/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keep the shim's descriptors out of the program's way: give them high numbers, and raise
 * the limit briefly when the program has used it up.
 */
#include "client/shim/process/fd_limit.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"

/* More than enough: a socket, the descriptor received over it, and its duplicate. */
#define NUMBERS 8

/**
 * shim_fd_limit_raise() - raise the soft limit of descriptors by a few
 * @ret_soft:	receives the old soft limit, for shim_fd_limit_set()
 *
 * Used when the program has reached its limit: mapping a real device needs no further
 * descriptor, so it must not fail with EMFILE here either. Async-signal-safe.
 *
 * Return: true, or false if the hard limit leaves no room.
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
 * shim_fd_limit_set() - set the soft limit of descriptors
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

/*
 * The lowest number for these descriptors: within the first 1024 and within the limit, so
 * that they do not enlarge the descriptor table of the process.
 */
static int first_number(void)
{
	struct rlimit limit;
	uint64_t n = 1024;

	if (sys4(prlimit64, 0, RLIMIT_NOFILE, 0, &limit) == 0 && limit.rlim_cur < n)
		n = limit.rlim_cur;
	return n > 96 ? (int)n - 64 : 0;
}

/**
 * shim_fd_limit_move() - give a descriptor of the shim a high number
 * @fd:	the descriptor; closed if it gets another number
 *
 * Then the program's own descriptors get the low numbers that they would have on a real
 * machine. The new descriptor is close-on-exec. Async-signal-safe.
 *
 * Return: the new number, or @fd if there is none.
 */
SHIM_COLD int shim_fd_limit_move(int fd)
{
	const int high = (int)sys3(fcntl, fd, F_DUPFD_CLOEXEC, first_number());

	if (high < 0)
		return fd;
	sys1(close, fd);
	return high;
}
