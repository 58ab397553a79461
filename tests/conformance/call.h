/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrappers that make a call either through the libc function or through syscall(2)
 * (--through); nothing else knows the difference. Results and errno are the same for
 * both.
 *
 * Where an architecture lacks an old call (open, stat, poll...), the newer one with
 * AT_FDCWD replaces it, as in libc.
 */
#ifndef CONFORMANCE_CALL_H
#define CONFORMANCE_CALL_H

#include <dirent.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>

#include "tests/conformance/harness.h"

#define CALL(type, name, params, libc, nr)                                               \
	static inline type c_##name params                                               \
	{                                                                                \
		return t.raw ? (type)(nr) : (libc);                                      \
	}

static inline int c_posix(int err)
{
	errno = err;
	return err ? -1 : 0;
}

#ifdef SYS_open
#define OLD(old, now) old
#else
#define OLD(old, now) now
#endif

/* A table whose arguments are parameter lists, which clang-format would break up. */
/* clang-format off */
CALL(int, open, (const char *p, int f, mode_t m), open(p, f, m),
     OLD(syscall(SYS_open, p, f, m), syscall(SYS_openat, AT_FDCWD, p, f, m)))
CALL(int, openat, (int d, const char *p, int f, mode_t m), openat(d, p, f, m),
     syscall(SYS_openat, d, p, f, m))
CALL(int, creat, (const char *p, mode_t m), creat(p, m),
     OLD(syscall(SYS_creat, p, m),
	 syscall(SYS_openat, AT_FDCWD, p, O_CREAT | O_WRONLY | O_TRUNC, m)))
CALL(int, close, (int fd), close(fd), syscall(SYS_close, fd))

CALL(long, read, (int fd, void *b, size_t n), read(fd, b, n), syscall(SYS_read, fd, b, n))
CALL(long, write, (int fd, const void *b, size_t n), write(fd, b, n),
     syscall(SYS_write, fd, b, n))
CALL(long, pread, (int fd, void *b, size_t n, off_t o), pread(fd, b, n, o),
     syscall(SYS_pread64, fd, b, n, o))
CALL(long, pwrite, (int fd, const void *b, size_t n, off_t o), pwrite(fd, b, n, o),
     syscall(SYS_pwrite64, fd, b, n, o))
CALL(long, readv, (int fd, const struct iovec *v, int n), readv(fd, v, n),
     syscall(SYS_readv, fd, v, (long)n))
CALL(long, writev, (int fd, const struct iovec *v, int n), writev(fd, v, n),
     syscall(SYS_writev, fd, v, (long)n))
CALL(long, preadv, (int fd, const struct iovec *v, int n, off_t o), preadv(fd, v, n, o),
     syscall(SYS_preadv, fd, v, (long)n, o, 0L))
CALL(long, pwritev, (int fd, const struct iovec *v, int n, off_t o), pwritev(fd, v, n, o),
     syscall(SYS_pwritev, fd, v, (long)n, o, 0L))
CALL(long, preadv2, (int fd, const struct iovec *v, int n, off_t o, int f),
     preadv2(fd, v, n, o, f), syscall(SYS_preadv2, fd, v, (long)n, o, 0L, (long)f))
CALL(long, pwritev2, (int fd, const struct iovec *v, int n, off_t o, int f),
     pwritev2(fd, v, n, o, f), syscall(SYS_pwritev2, fd, v, (long)n, o, 0L, (long)f))
CALL(long, lseek, (int fd, off_t o, int w), lseek(fd, o, w), syscall(SYS_lseek, fd, o, w))

CALL(int, ftruncate, (int fd, off_t n), ftruncate(fd, n), syscall(SYS_ftruncate, fd, n))
CALL(int, truncate, (const char *p, off_t n), truncate(p, n), syscall(SYS_truncate, p, n))
CALL(int, fallocate, (int fd, int m, off_t o, off_t n), fallocate(fd, m, o, n),
     syscall(SYS_fallocate, fd, m, o, n))
CALL(int, fsync, (int fd), fsync(fd), syscall(SYS_fsync, fd))
CALL(int, fdatasync, (int fd), fdatasync(fd), syscall(SYS_fdatasync, fd))
CALL(int, syncfs, (int fd), syncfs(fd), syscall(SYS_syncfs, fd))
CALL(int, sync_file_range, (int fd, off_t o, off_t n, unsigned int f),
     sync_file_range(fd, o, n, f), syscall(SYS_sync_file_range, fd, o, n, f))
CALL(long, readahead, (int fd, off_t o, size_t n), readahead(fd, o, n),
     syscall(SYS_readahead, fd, o, n))
CALL(int, fadvise, (int fd, off_t o, off_t n, int a), c_posix(posix_fadvise(fd, o, n, a)),
     syscall(SYS_fadvise64, fd, o, n, a))
CALL(int, ioctl, (int fd, unsigned long r, void *a), ioctl(fd, r, a),
     syscall(SYS_ioctl, fd, r, a))
CALL(int, fcntl, (int fd, int c, long a), fcntl(fd, c, a), syscall(SYS_fcntl, fd, c, a))
CALL(int, flock, (int fd, int op), flock(fd, op), syscall(SYS_flock, fd, op))

CALL(int, dup, (int fd), dup(fd), syscall(SYS_dup, fd))
CALL(int, dup2, (int a, int b), dup2(a, b),
     OLD(syscall(SYS_dup2, a, b), syscall(SYS_dup3, a, b, 0)))
CALL(int, dup3, (int a, int b, int f), dup3(a, b, f), syscall(SYS_dup3, a, b, f))

CALL(int, poll, (struct pollfd *p, nfds_t n, int ms), poll(p, n, ms),
     OLD(syscall(SYS_poll, p, n, ms), syscall(SYS_ppoll, p, n, NULL, NULL, 8L)))
CALL(int, select, (int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *tv),
     select(n, r, w, x, tv),
     OLD(syscall(SYS_select, n, r, w, x, tv),
	 syscall(SYS_pselect6, n, r, w, x, NULL, NULL)))

CALL(long, sendfile, (int o, int i, off_t *p, size_t n), sendfile(o, i, p, n),
     syscall(SYS_sendfile, o, i, p, n))
CALL(long, splice, (int i, off_t *ip, int o, off_t *op, size_t n, unsigned int f),
     splice(i, ip, o, op, n, f), syscall(SYS_splice, i, ip, o, op, n, f))
CALL(long, tee, (int i, int o, size_t n, unsigned int f), tee(i, o, n, f),
     syscall(SYS_tee, i, o, n, f))
CALL(long, copy_file_range, (int i, off_t *ip, int o, off_t *op, size_t n, unsigned int f),
     copy_file_range(i, ip, o, op, n, f), syscall(SYS_copy_file_range, i, ip, o, op, n, f))
CALL(long, vmsplice, (int fd, const struct iovec *v, size_t n, unsigned int f),
     vmsplice(fd, v, n, f), syscall(SYS_vmsplice, fd, v, n, f))

CALL(int, stat, (const char *p, struct stat *st), stat(p, st),
     OLD(syscall(SYS_stat, p, st), syscall(SYS_newfstatat, AT_FDCWD, p, st, 0)))
CALL(int, lstat, (const char *p, struct stat *st), lstat(p, st),
     OLD(syscall(SYS_lstat, p, st),
	 syscall(SYS_newfstatat, AT_FDCWD, p, st, AT_SYMLINK_NOFOLLOW)))
CALL(int, fstat, (int fd, struct stat *st), fstat(fd, st), syscall(SYS_fstat, fd, st))
CALL(int, fstatat, (int d, const char *p, struct stat *st, int f), fstatat(d, p, st, f),
     syscall(SYS_newfstatat, d, p, st, f))
CALL(int, statx, (int d, const char *p, int f, unsigned int m, struct statx *stx),
     statx(d, p, f, m, stx), syscall(SYS_statx, d, p, f, m, stx))
CALL(int, statfs, (const char *p, struct statfs *st), statfs(p, st),
     syscall(SYS_statfs, p, st))
CALL(int, fstatfs, (int fd, struct statfs *st), fstatfs(fd, st),
     syscall(SYS_fstatfs, fd, st))
CALL(int, access, (const char *p, int m), access(p, m),
     OLD(syscall(SYS_access, p, m), syscall(SYS_faccessat, AT_FDCWD, p, m)))
CALL(int, faccessat, (int d, const char *p, int m, int f), faccessat(d, p, m, f),
     f ? syscall(SYS_faccessat2, d, p, m, f) : syscall(SYS_faccessat, d, p, m))
CALL(long, readlink, (const char *p, char *b, size_t n), readlink(p, b, n),
     OLD(syscall(SYS_readlink, p, b, n), syscall(SYS_readlinkat, AT_FDCWD, p, b, n)))
CALL(long, readlinkat, (int d, const char *p, char *b, size_t n), readlinkat(d, p, b, n),
     syscall(SYS_readlinkat, d, p, b, n))
CALL(int, chdir, (const char *p), chdir(p), syscall(SYS_chdir, p))
CALL(int, fchdir, (int fd), fchdir(fd), syscall(SYS_fchdir, fd))
CALL(int, chmod, (const char *p, mode_t m), chmod(p, m),
     OLD(syscall(SYS_chmod, p, m), syscall(SYS_fchmodat, AT_FDCWD, p, m)))
CALL(int, fchmod, (int fd, mode_t m), fchmod(fd, m), syscall(SYS_fchmod, fd, m))
CALL(int, fchown, (int fd, uid_t u, gid_t g), fchown(fd, u, g),
     syscall(SYS_fchown, fd, u, g))
CALL(int, unlink, (const char *p), unlink(p),
     OLD(syscall(SYS_unlink, p), syscall(SYS_unlinkat, AT_FDCWD, p, 0)))
CALL(int, mkdir, (const char *p, mode_t m), mkdir(p, m),
     OLD(syscall(SYS_mkdir, p, m), syscall(SYS_mkdirat, AT_FDCWD, p, m)))
CALL(int, symlink, (const char *to, const char *p), symlink(to, p),
     OLD(syscall(SYS_symlink, to, p), syscall(SYS_symlinkat, to, AT_FDCWD, p)))
CALL(int, link, (const char *from, const char *p), link(from, p),
     OLD(syscall(SYS_link, from, p),
	 syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, p, 0)))
CALL(int, rename, (const char *from, const char *p), rename(from, p),
     OLD(syscall(SYS_rename, from, p),
	 syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, p, 0)))
CALL(int, mknod, (const char *p, mode_t m, dev_t d), mknod(p, m, d),
     OLD(syscall(SYS_mknod, p, m, d), syscall(SYS_mknodat, AT_FDCWD, p, m, d)))
CALL(int, utimensat, (int d, const char *p, const struct timespec *ts, int f),
     utimensat(d, p, ts, f), syscall(SYS_utimensat, d, p, ts, f))
CALL(int, futimens, (int fd, const struct timespec *ts), futimens(fd, ts),
     syscall(SYS_utimensat, fd, NULL, ts, 0))
CALL(long, getxattr, (const char *p, const char *n, void *v, size_t s),
     getxattr(p, n, v, s), syscall(SYS_getxattr, p, n, v, s))
CALL(long, lgetxattr, (const char *p, const char *n, void *v, size_t s),
     lgetxattr(p, n, v, s), syscall(SYS_lgetxattr, p, n, v, s))
CALL(long, fgetxattr, (int fd, const char *n, void *v, size_t s), fgetxattr(fd, n, v, s),
     syscall(SYS_fgetxattr, fd, n, v, s))
CALL(long, listxattr, (const char *p, char *b, size_t s), listxattr(p, b, s),
     syscall(SYS_listxattr, p, b, s))
CALL(long, llistxattr, (const char *p, char *b, size_t s), llistxattr(p, b, s),
     syscall(SYS_llistxattr, p, b, s))
CALL(long, flistxattr, (int fd, char *b, size_t s), flistxattr(fd, b, s),
     syscall(SYS_flistxattr, fd, b, s))
CALL(int, setxattr, (const char *p, const char *n, const void *v, size_t s, int f),
     setxattr(p, n, v, s, f), syscall(SYS_setxattr, p, n, v, s, f))
CALL(long, getdents64, (int fd, void *b, size_t n), getdents64(fd, b, n),
     syscall(SYS_getdents64, fd, b, n))

CALL(void *, mmap, (void *p, size_t n, int prot, int f, int fd, off_t o),
     mmap(p, n, prot, f, fd, o), syscall(SYS_mmap, p, n, prot, f, fd, o))
CALL(int, munmap, (void *p, size_t n), munmap(p, n), syscall(SYS_munmap, p, n))
CALL(int, mprotect, (void *p, size_t n, int prot), mprotect(p, n, prot),
     syscall(SYS_mprotect, p, n, prot))
CALL(void *, mremap, (void *p, size_t o, size_t n, int f, void *to),
     mremap(p, o, n, f, to), syscall(SYS_mremap, p, o, n, f, to))
CALL(int, madvise, (void *p, size_t n, int a), madvise(p, n, a),
     syscall(SYS_madvise, p, n, a))
CALL(int, msync, (void *p, size_t n, int f), msync(p, n, f), syscall(SYS_msync, p, n, f))
CALL(int, mlock, (const void *p, size_t n), mlock(p, n), syscall(SYS_mlock, p, n))
CALL(int, mlock2, (const void *p, size_t n, unsigned int f), mlock2(p, n, f),
     syscall(SYS_mlock2, p, n, f))
CALL(int, munlock, (const void *p, size_t n), munlock(p, n), syscall(SYS_munlock, p, n))
CALL(int, mincore, (void *p, size_t n, unsigned char *v), mincore(p, n, v),
     syscall(SYS_mincore, p, n, v))
CALL(int, remap_file_pages, (void *p, size_t n, int prot, size_t pg, int f),
     remap_file_pages(p, n, prot, pg, f), syscall(SYS_remap_file_pages, p, n, prot, pg, f))

/* clang-format on */
/* libc has no function for this call (libnuma has), so both ways use syscall(2). */
static inline long c_mbind(void *p, unsigned long n, int mode, const unsigned long *mask,
			   unsigned long max, unsigned int f)
{
	return syscall(SYS_mbind, p, n, mode, mask, max, f);
}

static inline long c_get_mempolicy(int *mode, unsigned long *mask, unsigned long max,
				   void *p, unsigned long f)
{
	return syscall(SYS_get_mempolicy, mode, mask, max, p, f);
}

static inline long c_move_pages(int pid, unsigned long n, void **p, const int *nodes,
				int *status, int f)
{
	return syscall(SYS_move_pages, pid, n, p, nodes, status, f);
}

/* Say the result of an open: ok and the flags of the open file, or the name of errno. */
static inline void say_open(int fd)
{
	if (fd < 0) {
		say_ok(fd);
		return;
	}
	say("ok");
	say_flags((int)c_fcntl(fd, F_GETFL, 0));
}

#endif
