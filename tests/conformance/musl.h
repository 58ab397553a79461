/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions and values of glibc that musl lacks, for the program that is linked to musl. */
#ifndef CONFORMANCE_MUSL_H
#define CONFORMANCE_MUSL_H

#include <dirent.h>
#include <linux/falloc.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
/* The older names' spelling differs. */
#ifndef RWH_WRITE_LIFE_NOT_SET
#define RWH_WRITE_LIFE_NOT_SET 0
#endif

const char *strerrorname_np(int err);
const char *sigabbrev_np(int sig);

static inline int statx(int d, const char *p, int f, unsigned int m, struct statx *stx)
{
	return (int)syscall(SYS_statx, d, p, f, m, stx);
}

static inline ssize_t preadv2(int fd, const struct iovec *v, int n, off_t o, int f)
{
	return syscall(SYS_preadv2, fd, v, (long)n, o, 0L, (long)f);
}

static inline ssize_t pwritev2(int fd, const struct iovec *v, int n, off_t o, int f)
{
	return syscall(SYS_pwritev2, fd, v, (long)n, o, 0L, (long)f);
}

static inline void closefrom(int fd)
{
	syscall(SYS_close_range, fd, ~0U, 0);
}

static inline char *canonicalize_file_name(const char *path)
{
	return realpath(path, NULL);
}

/* The program passes AT_FDCWD. */
static inline int scandirat(int d, const char *path, struct dirent ***list,
			    int (*filter)(const struct dirent *),
			    int (*compare)(const struct dirent **,
					   const struct dirent **))
{
	(void)d;
	return scandir(path, list, filter, compare);
}

#endif
