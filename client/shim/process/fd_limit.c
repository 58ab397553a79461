/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keep the shim's descriptors out of the program's way: give them high numbers, and raise
 * the limit briefly when the program has used it up.
 */
#include "client/shim/process/fd_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/own_fd.h"

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

/* With a soft limit up to this, numbers above it do not make the table much larger. */
#define SOFT_MAX 4096

/*
 * Duplicates a descriptor to a number that the program cannot get: above its limit, which
 * is raised for the moment. Return: the number, or a negative errno.
 */
static SHIM_COLD int move_above_limit(int fd)
{
	struct rlimit limit;
	uint64_t soft;
	int high;

	if (sys4(prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0 ||
	    limit.rlim_cur > SOFT_MAX || !shim_fd_limit_raise(&soft))
		return -EINVAL;
	high = (int)sys3(fcntl, fd, F_DUPFD_CLOEXEC, soft);
	shim_fd_limit_set(soft);
	return high;
}

/*
 * The lowest number where that cannot be: within the first 1024 and within the limit, so
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
 * machine, and as many as its limit allows. The new descriptor is close-on-exec, and hidden
 * from the program (own_fd.c). Async-signal-safe.
 *
 * Return: the new number, or @fd if there is none.
 */
SHIM_COLD int shim_fd_limit_move(int fd)
{
	int high = move_above_limit(fd);

	if (high < 0)
		high = (int)sys3(fcntl, fd, F_DUPFD_CLOEXEC, first_number());
	if (high < 0)
		high = fd;
	else
		sys1(close, fd);
	shim_ident_forget(high);
	shim_own_fd_add(high);
	return high;
}
