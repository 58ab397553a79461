/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Make one call of the daemon fail: linked into cuse-daxd-inject, in front of libc. It
 * takes the place of libc's functions in the daemon and in its libraries.
 *
 * DAXD_INJECT=KIND:N[+]:ERRNO lets the Nth call of a kind fail, with + also all later ones,
 * until the file DAXD_INJECT_OFF exists. KIND is the name of a function, or "alloc" for all
 * that allocate memory. ERRNO 0 lets reads and writes transfer half of their bytes. The
 * failure is reported on stderr, and at the end the number of calls of each kind.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default"), used))

/* ---- kinds of calls ---- */

#define KINDS(X)                                                                         \
	X(open)                                                                          \
	X(openat)                                                                        \
	X(fopen)                                                                         \
	X(read)                                                                          \
	X(pread)                                                                         \
	X(write)                                                                         \
	X(pwrite)                                                                        \
	X(ftruncate)                                                                     \
	X(fallocate)                                                                     \
	X(fsync)                                                                         \
	X(fdatasync)                                                                     \
	X(mmap)                                                                          \
	X(memfd_create)                                                                  \
	X(fcntl)                                                                         \
	X(fchmod)                                                                        \
	X(fchmodat)                                                                      \
	X(fchown)                                                                        \
	X(fchownat)                                                                      \
	X(fstat)                                                                         \
	X(fstatat)                                                                       \
	X(stat)                                                                          \
	X(lstat)                                                                         \
	X(statx)                                                                         \
	X(fstatfs)                                                                       \
	X(lseek)                                                                         \
	X(access)                                                                        \
	X(faccessat)                                                                     \
	X(mkdir)                                                                         \
	X(mkdirat)                                                                       \
	X(rmdir)                                                                         \
	X(unlink)                                                                        \
	X(unlinkat)                                                                      \
	X(rename)                                                                        \
	X(renameat)                                                                      \
	X(renameat2)                                                                     \
	X(symlinkat)                                                                     \
	X(flock)                                                                         \
	X(opendir)                                                                       \
	X(fdopendir)                                                                     \
	X(socket)                                                                        \
	X(bind)                                                                          \
	X(listen)                                                                        \
	X(accept4)                                                                       \
	X(getsockopt)                                                                    \
	X(setsockopt)                                                                    \
	X(sendmsg)                                                                       \
	X(recvmsg)                                                                       \
	X(recv)                                                                          \
	X(signalfd)                                                                      \
	X(eventfd)                                                                       \
	X(getrandom)                                                                     \
	X(syscall)

#define AS_ENUM(name) KIND_##name,
#define AS_TEXT(name) #name,
#define AS_FUNC(name) static __typeof__(&(name)) real_##name;

enum kind {
	KINDS(AS_ENUM) KIND_alloc,
	KIND_NR
};

static const char *const names[] = {KINDS(AS_TEXT) "alloc"};

KINDS(AS_FUNC)

static atomic_uint counts[KIND_NR];
static bool is_ready;
static enum kind target = KIND_NR;
static unsigned int nth;
static bool is_lasting;
static atomic_bool has_failed;
static int error;
static const char *off;
static _Thread_local unsigned int spared; /* calls of SPARE() that have not returned */

/* ---- which call fails ---- */

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void setup(void)
{
	const char *text = getenv("DAXD_INJECT");
	char name[32];
	char rest[16];
	unsigned int k;

#define FIND(name) real_##name = next(#name);
	KINDS(FIND)
	off = getenv("DAXD_INJECT_OFF");
	if (text && sscanf(text, "%31[^:]:%u%15[:+]%d", name, &nth, rest, &error) == 4) {
		is_lasting = rest[0] == '+';
		for (k = 0; k < KIND_NR; k++)
			if (!strcmp(name, names[k]))
				target = (enum kind)k;
	}
	is_ready = true;
}

__attribute__((format(printf, 1, 2))) static void report(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	real_syscall(SYS_write, STDERR_FILENO, line, len);
}

__attribute__((destructor)) static void tell_counts(void)
{
	unsigned int k;

	for (k = 0; off && k < KIND_NR; k++)
		report("inject: count %s %u\n", names[k], counts[k]);
}

static bool must_fail(enum kind kind)
{
	unsigned int count;

	if (!is_ready || (kind == KIND_alloc && spared))
		return false;
	count = ++counts[kind];
	if (kind != target || (is_lasting ? count < nth : count != nth) ||
	    (is_lasting && off && real_syscall(SYS_access, off, F_OK) == 0))
		return false;
	if (!atomic_exchange(&has_failed, true))
		report("inject: %s %u fails: %s\n", names[kind], count, strerror(error));
	errno = error;
	return true;
}

/* ---- libraries that do not survive a lack of memory ---- */

/*
 * Allocations in these functions do not fail, because their faults are not ours: libpmem's
 * constructor, called in dlopen(), passes NULL to fts_open(); GLib leaks the descriptor if
 * fdopen() fails; json-c's parser passes NULL to strlen(), and calls glibc's newlocale(),
 * which keeps its lock for ever.
 */
struct json_object;
struct json_tokener;
struct json_object *json_tokener_parse_ex(struct json_tokener *tok, const char *text,
					  int len);

#define SPARE(ret, name, params, args)                                                   \
	EXPORT ret name params                                                           \
	{                                                                                \
		__typeof__(&(name)) real = next(#name);                                  \
		ret result;                                                              \
		spared++;                                                                \
		result = real args;                                                      \
		spared--;                                                                \
		return result;                                                           \
	}

SPARE(void *, dlopen, (const char *path, int flags), (path, flags))
SPARE(FILE *, fdopen, (int fd, const char *mode), (fd, mode))
SPARE(struct json_object *, json_tokener_parse_ex,
      (struct json_tokener * tok, const char *text, int len), (tok, text, len))

/* ---- memory ---- */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nr, size_t size);
void *__libc_realloc(void *p, size_t size);

EXPORT void *malloc(size_t size)
{
	return must_fail(KIND_alloc) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t nr, size_t size)
{
	return must_fail(KIND_alloc) ? NULL : __libc_calloc(nr, size);
}

EXPORT void *realloc(void *p, size_t size)
{
	return must_fail(KIND_alloc) ? NULL : __libc_realloc(p, size);
}
#endif

/* ---- system calls ---- */

#define CALL(ret, name, params, args, failed)                                            \
	EXPORT ret name params                                                           \
	{                                                                                \
		return must_fail(KIND_##name) ? failed : real_##name args;               \
	}

/* A transfer of @len bytes: half of them if the error is 0. */
#define TRANSFER(name, params, args)                                                     \
	EXPORT ssize_t name params                                                       \
	{                                                                                \
		if (must_fail(KIND_##name)) {                                            \
			if (error || len < 2)                                            \
				return -1;                                               \
			len /= 2;                                                        \
		}                                                                        \
		return real_##name args;                                                 \
	}

TRANSFER(read, (int fd, void *buf, size_t len), (fd, buf, len))
TRANSFER(pread, (int fd, void *buf, size_t len, off_t at), (fd, buf, len, at))
TRANSFER(write, (int fd, const void *buf, size_t len), (fd, buf, len))
TRANSFER(pwrite, (int fd, const void *buf, size_t len, off_t at), (fd, buf, len, at))

CALL(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
CALL(int, ftruncate, (int fd, off_t len), (fd, len), -1)
CALL(int, fallocate, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len), -1)
CALL(int, fsync, (int fd), (fd), -1)
CALL(int, fdatasync, (int fd), (fd), -1)
CALL(void *, mmap, (void *addr, size_t len, int prot, int flags, int fd, off_t at),
     (addr, len, prot, flags, fd, at), MAP_FAILED)
CALL(int, memfd_create, (const char *name, unsigned int flags), (name, flags), -1)
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
CALL(int, fchmodat, (int dir, const char *path, mode_t mode, int flags),
     (dir, path, mode, flags), -1)
CALL(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), -1)
CALL(int, fchownat, (int dir, const char *path, uid_t uid, gid_t gid, int flags),
     (dir, path, uid, gid, flags), -1)
CALL(int, fstat, (int fd, struct stat *st), (fd, st), -1)
CALL(int, fstatat, (int dir, const char *path, struct stat *st, int flags),
     (dir, path, st, flags), -1)
CALL(int, stat, (const char *path, struct stat *st), (path, st), -1)
CALL(int, lstat, (const char *path, struct stat *st), (path, st), -1)
CALL(int, statx,
     (int dir, const char *path, int flags, unsigned int mask, struct statx *st),
     (dir, path, flags, mask, st), -1)
CALL(int, fstatfs, (int fd, struct statfs *st), (fd, st), -1)
CALL(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence), -1)
CALL(int, access, (const char *path, int mode), (path, mode), -1)
CALL(int, faccessat, (int dir, const char *path, int mode, int flags),
     (dir, path, mode, flags), -1)
CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
CALL(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), -1)
CALL(int, rmdir, (const char *path), (path), -1)
CALL(int, unlink, (const char *path), (path), -1)
CALL(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags), -1)
CALL(int, rename, (const char *from, const char *to), (from, to), -1)
CALL(int, renameat, (int dir, const char *from, int dir2, const char *to),
     (dir, from, dir2, to), -1)
CALL(int, renameat2,
     (int dir, const char *from, int dir2, const char *to, unsigned int flags),
     (dir, from, dir2, to, flags), -1)
CALL(int, symlinkat, (const char *to, int dir, const char *path), (to, dir, path), -1)
CALL(int, flock, (int fd, int op), (fd, op), -1)
CALL(DIR *, opendir, (const char *path), (path), NULL)
CALL(DIR *, fdopendir, (int fd), (fd), NULL)
CALL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)
CALL(int, bind, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len), -1)
CALL(int, listen, (int fd, int backlog), (fd, backlog), -1)
CALL(int, accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags),
     (fd, addr, len, flags), -1)
CALL(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
     (fd, level, name, value, len), -1)
CALL(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t len),
     (fd, level, name, value, len), -1)
CALL(ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags),
     -1)
CALL(ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags), -1)
CALL(ssize_t, recv, (int fd, void *buf, size_t len, int flags), (fd, buf, len, flags), -1)
CALL(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1)
CALL(int, eventfd, (unsigned int value, int flags), (value, flags), -1)
CALL(ssize_t, getrandom, (void *buf, size_t len, unsigned int flags), (buf, len, flags),
     -1)

EXPORT int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return must_fail(KIND_open) ? -1 : real_open(path, flags, mode);
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return must_fail(KIND_openat) ? -1 : real_openat(dir, path, flags, mode);
}

EXPORT int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return must_fail(KIND_fcntl) ? -1 : real_fcntl(fd, cmd, arg);
}

EXPORT long syscall(long number, ...)
{
	long a[6];
	va_list ap;
	int i;

	va_start(ap, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	/* exit_group(2), of a child that shares nothing with libc, has no way to fail. */
	return number != SYS_exit_group && must_fail(KIND_syscall)
		       ? -1
		       : real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
