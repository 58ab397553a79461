/* SPDX-License-Identifier: BSD-2-Clause */
/* What the wrappers have in common, and libc's functions that no header declares. */
#ifndef SHIM_WRAP_H
#define SHIM_WRAP_H

#include "client/shim/base/real.h"
#include "client/shim/base/compiler.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>

/*
 * May we look at this path ourselves? The kernel answers EFAULT to a pointer that is
 * plainly none, or to a part of a device that can't be touched; so must we.
 */
static inline bool shim_may_look(const char *path)
{
	if (unlikely((uintptr_t)path - 4096 >= (UINT64_C(1) << 47) - 8192))
		return false;
	return likely(!shim_maps_touch((uintptr_t)path, PATH_MAX)) ||
	       shim_is_readable(path);
}

static inline bool shim_has_word(const char *path)
{
	return shim_may_look(path) && unlikely(dax_path_has_word(path));
}

/* After a call that failed: was it because of a link to us that leads nowhere? */
static inline bool shim_was_dangling(int dirfd, const char *path, enum shim_follow follow)
{
	return unlikely(errno == ENOENT) && follow == SHIM_FOLLOW &&
	       shim_is_dangling(dirfd, path);
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

/* wrap_fd.c */
int shim_fd_call(int fd, enum dax_call call, int64_t a, int64_t b, int64_t c);
int shim_fd_call_node(const struct shim_ident *id, int fd, enum dax_call call, int64_t a,
		      int64_t b, int64_t c);
ssize_t shim_attr_write(int fd, const void *buf, size_t n);

long shim_copy_in(void *to, const void *from, size_t n);
bool shim_pin_refused(int fd, uintptr_t buf, const struct iovec *iov, uint64_t n);
long shim_io_submit(unsigned long ctx, long nr, void *list);

/* ndctl.c */
int shim_ndctl(int fd, unsigned long request, void *arg);

/* wrap_signal.c */
long shim_rt_sigaction(int sig, const void *act, void *old, size_t size);

/* wrap_open.c */
int shim_open_ours(const char *path, int flags, mode_t mode);
const char *shim_open_redirect(const char *path, char buf[PATH_MAX]);
int shim_open(int dirfd, const char *path, int flags, mode_t mode);
int shim_openat2(int dirfd, const char *path, const void *how, size_t size);

/* wrap_change.c: may something at this path be made, removed or renamed? */
int shim_may_change(int dirfd, const char *path);

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

#endif
