/* SPDX-License-Identifier: BSD-2-Clause */
/* Helpers of the wrappers, and declarations of functions that no header of libc has. */
#ifndef SHIM_WRAP_H
#define SHIM_WRAP_H

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "libcore/path.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/pointer.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/path.h"

/**
 * shim_may_look() - tell whether the shim may read a path
 * @path:	the program's pointer, which may be bad
 *
 * The kernel fails with EFAULT if the pointer is bad, or if it points to device memory
 * that cannot be accessed; so the shim must not read there. Async-signal-safe.
 *
 * Return: true if it may; false if the caller must leave the path to the kernel.
 */
static inline bool shim_may_look(const char *path)
{
	if (unlikely(!shim_is_pointer(path)))
		return false;
	return likely(!shim_maps_touch((uintptr_t)path, PATH_MAX)) ||
	       shim_path_is_readable(path);
}

/**
 * shim_has_word() - tell whether a path may lead to an emulated file, by its words
 * @path:	the program's pointer, which may be bad
 *
 * Async-signal-safe.
 *
 * Return: true if it may (dax_path_has_word()).
 */
static inline bool shim_has_word(const char *path)
{
	return shim_may_look(path) && unlikely(dax_path_has_word(path));
}

/**
 * shim_was_dangling() - tell whether a link to an emulated file may have made a call fail
 * @dirfd, @path:	the arguments of the call that has just failed
 * @follow:		whether it follows a symbolic link at the end of the path
 *
 * To the kernel, such a link leads nowhere. Async-signal-safe.
 *
 * Return: true if errno is ENOENT and the path is a symbolic link.
 */
static inline bool shim_was_dangling(int dirfd, const char *path, enum shim_follow follow)
{
	return unlikely(errno == ENOENT) && follow == SHIM_FOLLOW &&
	       shim_path_is_dangling(dirfd, path);
}

/**
 * shim_ask_again() - tell whether a query must be repeated in the runtime directory
 * @is_failed:		true if the call has failed, with errno set
 * @dirfd, @path:	its arguments
 * @follow:		whether it follows a symbolic link at the end of the path
 *
 * For calls that change nothing, and have just been made with the program's path. The
 * kernel has read the path, so the shim may read it unless the errno is EFAULT.
 * Async-signal-safe.
 *
 * Return: true if the path may lead to an emulated file.
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
 * Makes a call again in the runtime directory. If it succeeds now, errno is restored to
 * its value before the first call.
 */
#define SHIM_AGAIN(errno_before, call)                                                   \
	({                                                                               \
		__typeof__(call) again_ = (call);                                        \
		if (likely(again_ != (__typeof__(call))-1))                              \
			errno = (errno_before);                                          \
		again_;                                                                  \
	})

/*
 * Makes a call that follows links as @follow says: @ours, if the words of the path may lead to
 * an emulated file, or if @real has failed because a link does. Both are calls of the same type.
 */
#define SHIM_BY_PATH(dirfd, path, follow, ours, real)                                    \
	({                                                                               \
		const int before_ = errno;                                               \
		__typeof__(real) r_;                                                     \
                                                                                         \
		if (shim_has_word(path)) {                                               \
			r_ = (ours);                                                     \
		} else {                                                                 \
			r_ = (real);                                                     \
			if (unlikely(r_ == -1) &&                                        \
			    shim_was_dangling(dirfd, path, follow))                      \
				r_ = SHIM_AGAIN(before_, ours);                          \
		}                                                                        \
		r_;                                                                      \
	})

/**
 * shim_ret() - convert the result of a system call to libc's form
 * @r:	a value or a negative errno
 *
 * Return: the value, or -1 with errno set.
 */
static inline long shim_ret(long r)
{
	if (unlikely((unsigned long)r >= (unsigned long)-4095)) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

/* libc's functions that no header declares. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t off, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t off, size_t room);
ssize_t __recvfrom_chk(int sock, void *buf, size_t n, size_t size, int flags,
		       struct sockaddr *addr, socklen_t *len);
int __poll_chk(struct pollfd *fds, unsigned long n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, unsigned long n, const struct timespec *timeout,
		const sigset_t *mask, size_t room);
int pivot_root(const char *new_root, const char *put_old);
/* Since glibc 2.36, in sys/pidfd.h, which an older one does not have. */
int pidfd_getfd(int pidfd, int fd, unsigned int flags);
int __dprintf_chk(int fd, int level, const char *format, ...);
int __vdprintf_chk(int fd, int level, const char *format, va_list ap);
int __libc_start_main(int (*program)(int, char **, char **), int argc, char **argv,
		      void (*init)(void), void (*fini)(void), void (*rtld_fini)(void),
		      void *stack_end);
/* Since glibc 2.43. */
struct open_how;
int openat2(int dirfd, const char *path, const struct open_how *how, size_t size);
int mseal(void *addr, size_t len, unsigned long flags);
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

/* libnuma's function, whose header may not be installed. */
long mbind(void *addr, unsigned long len, int mode, const unsigned long *mask,
	   unsigned long nr, unsigned int flags);

#endif
