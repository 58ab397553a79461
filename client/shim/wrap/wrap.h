/* SPDX-License-Identifier: BSD-2-Clause */
/* What the wrappers have in common, and libc's functions that no header declares. */
#ifndef SHIM_WRAP_H
#define SHIM_WRAP_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "libcore/path.h"

#include "client/shim/base/compiler.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/path.h"

/*
 * May we look at this path ourselves? The kernel answers EFAULT to a pointer that is
 * plainly none, or to a part of a device that can't be touched; so must we.
 */
static inline bool shim_may_look(const char *path)
{
	if (unlikely((uintptr_t)path - 4096 >= (UINT64_C(1) << 47) - 8192))
		return false;
	return likely(!shim_maps_touch((uintptr_t)path, PATH_MAX)) ||
	       shim_path_is_readable(path);
}

static inline bool shim_has_word(const char *path)
{
	return shim_may_look(path) && unlikely(dax_path_has_word(path));
}

/* After a call that failed: was it because of a link to us that leads nowhere? */
static inline bool shim_was_dangling(int dirfd, const char *path, enum shim_follow follow)
{
	return unlikely(errno == ENOENT) && follow == SHIM_FOLLOW &&
	       shim_path_is_dangling(dirfd, path);
}

/*
 * A call that only asks was made, and answered -1 or not: must it be made again, at our
 * place? The kernel has read the path by then, so that we may.
 */
static inline bool shim_ask_again(bool is_failed, int dirfd, const char *path,
				  enum shim_follow follow)
{
	if (unlikely(is_failed) && errno == EFAULT)
		return false;
	return shim_has_word(path) ||
	       (unlikely(is_failed) && shim_was_dangling(dirfd, path, follow));
}

/*
 * A call that is made again, at our place: if it succeeds now, nobody is to see the
 * errno of the first time.
 */
#define SHIM_AGAIN(errno_before, call)                                                   \
	({                                                                               \
		__typeof__(call) again_ = (call);                                        \
		if (likely(again_ != (__typeof__(call))-1))                              \
			errno = (errno_before);                                          \
		again_;                                                                  \
	})

/* From a negative errno to libc's way. */
static inline long shim_ret(long r)
{
	if (unlikely((unsigned long)r >= (unsigned long)-4095)) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

/* Of libc's, but declared nowhere. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t off, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t off, size_t room);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);
int __openat64_2(int dirfd, const char *path, int flags);
int __xstat(int ver, const char *path, struct stat *st);
int __xstat64(int ver, const char *path, struct stat64 *st);
int __lxstat(int ver, const char *path, struct stat *st);
int __lxstat64(int ver, const char *path, struct stat64 *st);
int __fxstat(int ver, int fd, struct stat *st);
int __fxstat64(int ver, int fd, struct stat64 *st);
int __fxstatat(int ver, int dirfd, const char *path, struct stat *st, int flags);
int __fxstatat64(int ver, int dirfd, const char *path, struct stat64 *st, int flags);
ssize_t __readlink_chk(const char *path, char *buf, size_t size, size_t room);
ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t size,
			 size_t room);
char *__realpath_chk(const char *path, char *resolved, size_t room);
char *__getcwd_chk(char *buf, size_t size, size_t room);

/* Of libnuma's, whose header need not be there. */
long mbind(void *addr, unsigned long len, int mode, const unsigned long *mask,
	   unsigned long nr, unsigned int flags);

#endif
