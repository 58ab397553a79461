/* SPDX-License-Identifier: BSD-2-Clause */
/* Cleanup attributes and other small helpers. */
#ifndef DAXD_BASE_UTIL_H
#define DAXD_BASE_UTIL_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static inline void daxd_freep(void *p)
{
	free(*(void **)p);
}

static inline void daxd_closep(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		close(*fd);
		errno = saved;
	}
}

#define _cleanup_(f)    __attribute__((cleanup(f)))
#define _cleanup_free_  _cleanup_(daxd_freep)
#define _cleanup_close_ _cleanup_(daxd_closep)

/* Evaluate to an owned value and clear the variable: the ownership moves to the user. */
#define TAKE_FD(fd)                                                                      \
	({                                                                               \
		int taken_ = (fd);                                                       \
		(fd) = -1;                                                               \
		taken_;                                                                  \
	})
#define TAKE_PTR(p)                                                                      \
	({                                                                               \
		__typeof__(p) taken_ = (p);                                              \
		(p) = NULL;                                                              \
		taken_;                                                                  \
	})

/* Close a descriptor, if it is open, and set it to -1. */
static inline void daxd_close_fd(int *fd)
{
	daxd_closep(fd);
	*fd = -1;
}

/*
 * True for root and the daemon's own user: they may change devices, see all processes, and
 * have a reserve of everything that is limited.
 */
static inline bool daxd_uid_is_trusted(uid_t uid)
{
	static uid_t own = (uid_t)-1; /* the daemon's user never changes */

	if (own == (uid_t)-1)
		own = geteuid();
	return uid == 0 || uid == own;
}

/*
 * When a file was made, in nanoseconds; 0 if its file system does not tell. With the device and
 * the inode it identifies a file for ever: each tmpfs begins with the same inode, and the
 * device number of one that is gone is used again.
 */
static inline uint64_t daxd_born(const struct statx *stx)
{
	if (!(stx->stx_mask & STATX_BTIME))
		return 0;
	return (uint64_t)stx->stx_btime.tv_sec * UINT64_C(1000000000) +
	       stx->stx_btime.tv_nsec;
}

/* The number of descriptors that the daemon may have. */
static inline unsigned int daxd_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > UINT_MAX)
		return UINT_MAX;
	return (unsigned int)limit.rlim_cur;
}

#define DAXD_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#endif
