/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap the functions that open a stream.
 *
 * libc reads and writes streams inside libc. So a stream on a device or attribute gets
 * functions (fopencookie(3)) that do what the wrapped calls would do, and the descriptor
 * number for fileno(3).
 */
#include "client/shim/wrap/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "libcore/path.h"
#include "libcore/reason.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/libc.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/mounts.h"
#include "client/shim/process/path.h"
#include "client/shim/memory/proc_maps.h"
#include "client/shim/wrap/attr.h"
#include "client/shim/wrap/fd_call.h"
#include "client/shim/wrap/open.h"
#include "client/shim/wrap/wrap.h"

static ssize_t stream_read(void *cookie, char *buf, size_t n)
{
	int fd = (int)(intptr_t)cookie;
	int r = shim_fd_call(fd, DAX_CALL_READ, 0, 0, 0);

	return shim_ret(r < 0 ? r : sys3(read, fd, buf, n));
}

static ssize_t stream_write(void *cookie, const char *buf, size_t n)
{
	ssize_t r = shim_attr_write((int)(intptr_t)cookie, buf, n);

	if (r < 0) {
		errno = (int)-r;
		/* fopencookie(3): an error is 0; in musl, it is negative. */
		return shim_libc_is_gnu() ? 0 : -1;
	}
	return r;
}

static int stream_seek(void *cookie, off64_t *off, int whence)
{
	int fd = (int)(intptr_t)cookie;
	long r;

	if (shim_ident_fd(fd).kind == SHIM_NODE)
		r = 0;
	else
		r = sys3(lseek, fd, *off, whence);
	if (r >= 0)
		*off = r;
	return r < 0 ? (int)shim_ret(r) : 0;
}

/**
 * shim_stream_close() - close the descriptor of a stream
 * @cookie:	the descriptor
 *
 * Return: 0, or -1 with errno set.
 */
int shim_stream_close(void *cookie)
{
	return (int)shim_ret(sys1(close, (intptr_t)cookie));
}

/* Return: the flags of open(2) for a mode of fopen(3), or -1 if the mode is invalid. */
static int stream_flags(const char *mode)
{
	int flags;

	switch (mode[0]) {
	case 'r':
		flags = O_RDONLY;
		break;
	case 'w':
		flags = O_WRONLY | O_CREAT | O_TRUNC;
		break;
	case 'a':
		flags = O_WRONLY | O_CREAT | O_APPEND;
		break;
	default:
		return -1;
	}
	if (strchr(mode, '+'))
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	if (strchr(mode, 'e'))
		flags |= O_CLOEXEC;
	if (strchr(mode, 'x'))
		flags |= O_EXCL;
	return flags;
}

/*
 * The table of functions of such streams, by which they are told from others. libc keeps
 * a pointer to a stream's table behind its FILE (struct _IO_FILE_plus).
 */
static const void *cookie_jumps;

static const void *jumps_of(const FILE *f)
{
	const void *jumps;

	memcpy(&jumps, f + 1, sizeof(jumps));
	return jumps;
}

/*
 * Gives a stream of fopencookie(3) a number for fileno(3). musl's own is -1. The place has
 * not moved since 2011 (src/internal/stdio_impl.h: struct _IO_FILE).
 */
static void set_number_in_musl(FILE *f, int fd)
{
	int *at = (int *)(void *)((char *)f + 120);

	if (*at == -1)
		*at = fd;
}

/**
 * shim_stream_on() - make a stream that answers as a device or an attribute does
 * @fd:		the descriptor of it
 * @mode:	as for fopen(3)
 * @close:	what fclose(3) does with @fd as its cookie: shim_stream_close(), and more
 *
 * Return: the stream, or NULL with errno set.
 */
SHIM_COLD FILE *shim_stream_on(int fd, const char *mode, cookie_close_function_t *close)
{
	const cookie_io_functions_t functions = {.read = stream_read,
						 .write = stream_write,
						 .seek = stream_seek,
						 .close = close};
	FILE *f = fopencookie((void *)(intptr_t)fd, mode, functions);

	if (f && !shim_libc_is_gnu()) {
		set_number_in_musl(f, fd);
	} else if (f) {
		f->_fileno = fd;
		cookie_jumps = jumps_of(f);
	}
	return f;
}

static SHIM_COLD FILE *fopen_ours(const char *path, const char *mode)
{
	int flags = stream_flags(mode);
	FILE *f;
	int fd;

	if (flags < 0) {
		errno = EINVAL;
		return NULL;
	}
	fd = shim_open_ours(path, flags, 0666);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	/* The most common case, reading an attribute, works with an ordinary stream. */
	if ((flags & O_ACCMODE) == O_RDONLY && shim_ident_fd(fd).kind == SHIM_ATTR)
		f = REAL(fdopen)(fd, mode);
	else
		f = shim_stream_on(fd, mode, shim_stream_close);
	if (!f)
		sys1(close, fd);
	return f;
}

/* True if the open file allows what the mode asks for; libc fails with EINVAL else. */
static bool is_mode_allowed(int fd, int flags)
{
	int has = (int)sys2(fcntl, fd, F_GETFL) & (O_ACCMODE | O_PATH);

	return flags >= 0 && (has == O_RDWR || has == (flags & O_ACCMODE));
}

static SHIM_COLD FILE *fdopen_cold(int fd, const char *mode)
{
	enum shim_kind kind = shim_ident_fd(fd).kind;
	int flags = stream_flags(mode);

	if (kind == SHIM_OWN) {
		errno = EBADF;
		return NULL;
	}
	if (kind == SHIM_OTHER || !is_mode_allowed(fd, flags) ||
	    (kind == SHIM_ATTR && (flags & O_ACCMODE) == O_RDONLY))
		return REAL(fdopen)(fd, mode);
	return shim_stream_on(fd, mode, shim_stream_close);
}

SHIM_EXPORT FILE *fdopen(int fd, const char *mode)
{
	return unlikely(!shim_ident_is_other(fd)) ? fdopen_cold(fd, mode)
						  : REAL(fdopen)(fd, mode);
}

/* libc writes the text inside libc. Return: 0, or the negative errno of a device. */
static int before_print(int fd)
{
	return likely(shim_ident_is_other(fd))
		       ? 0
		       : shim_fd_call(fd, DAX_CALL_WRITE, 1, 0, 0);
}

#define PRINT(name, real, params, args)                                                  \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		int r = before_print(fd);                                                \
		va_list ap;                                                              \
                                                                                         \
		if (r < 0)                                                               \
			return (int)shim_ret(r);                                         \
		va_start(ap, format);                                                    \
		r = REAL(real) args;                                                     \
		va_end(ap);                                                              \
		return r;                                                                \
	}

#define VPRINT(name, params, args)                                                       \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		int r = before_print(fd);                                                \
                                                                                         \
		return r < 0 ? (int)shim_ret(r) : REAL(name) args;                       \
	}

PRINT(dprintf, vdprintf, (int fd, const char *format, ...), (fd, format, ap))
PRINT(__dprintf_chk, __vdprintf_chk, (int fd, int level, const char *format, ...),
      (fd, level, format, ap))
VPRINT(vdprintf, (int fd, const char *format, va_list ap), (fd, format, ap))
VPRINT(__vdprintf_chk, (int fd, int level, const char *format, va_list ap),
       (fd, level, format, ap))

/* A copy of a list of mappings or mounts. Return: its descriptor, or a negative errno. */
static int open_copy(const char *path, const char *mode)
{
	int fd = -EXDEV;

	if (mode[0] == 'r' && !strchr(mode, '+')) {
		fd = shim_proc_maps_open(path, O_RDONLY);
		if (fd == -EXDEV)
			fd = shim_mounts_open(path, O_RDONLY);
	}
	return fd;
}

/*
 * Opens a stream if @path is an emulated file or such a list. @ret: receives the
 * stream, or NULL if it cannot be opened. Return: false if @path is neither.
 */
static SHIM_COLD bool fopen_cold(const char *path, const char *mode, FILE **ret)
{
	char buf[PATH_MAX];
	const char *other;
	int fd;

	fd = open_copy(path, mode);
	if (fd >= 0) {
		*ret = REAL(fdopen)(fd, mode);
		if (!*ret)
			sys1(close, fd);
		return true;
	}
	other = shim_open_redirect(path, buf);
	if (other)
		*ret = fopen_ours(other, mode);
	return other != NULL;
}

/*
 * True if @path may be an emulated file. For writing, links are checked before libc opens
 * the stream, as the kernel would create the file to which the link leads.
 */
static bool may_be_ours(const char *path, const char *mode)
{
	if (!shim_may_look(path))
		return false;
	return unlikely(dax_path_has_word(path)) ||
	       unlikely(!strncmp(path, "/proc/", 6)) ||
	       (mode[0] != 'r' && shim_path_is_dangling(AT_FDCWD, path));
}

SHIM_EXPORT FILE *fopen(const char *path, const char *mode)
{
	const int before = errno;
	FILE *f;

	if (may_be_ours(path, mode) && fopen_cold(path, mode, &f))
		return f;
	f = REAL(fopen)(path, mode);
	if (!f && shim_was_dangling(AT_FDCWD, path, SHIM_FOLLOW)) {
		fopen_cold(path, mode, &f);
		if (f)
			errno = before;
	}
	return f;
}

/* libc opens the file inside libc (misc/mntent_r.c). */
SHIM_EXPORT FILE *setmntent(const char *path, const char *mode)
{
	FILE *f;

	if (may_be_ours(path, mode) && fopen_cold(path, mode, &f))
		return f;
	return REAL(setmntent)(path, mode);
}

SHIM_EXPORT FILE *fopen64(const char *path, const char *mode)
{
	const int before = errno;
	FILE *f;

	if (may_be_ours(path, mode) && fopen_cold(path, mode, &f))
		return f;
	f = REAL(fopen64)(path, mode);
	if (!f && shim_was_dangling(AT_FDCWD, path, SHIM_FOLLOW)) {
		fopen_cold(path, mode, &f);
		if (f)
			errno = before;
	}
	return f;
}

/* True for a stream that fopen_ours() made with fopencookie(). */
static bool is_stream_ours(const FILE *f)
{
	return cookie_jumps && jumps_of(f) == cookie_jumps && f->_fileno >= 0;
}

/*
 * Reopens a stream that was made with fopencookie(), which libc cannot. Its functions use
 * the number of its descriptor, so the new file is duplicated to that number.
 */
static SHIM_COLD FILE *freopen_ours(const char *path, const char *mode, FILE *f)
{
	int flags = stream_flags(mode);
	int fd = flags < 0 ? -1 : shim_open(AT_FDCWD, path, flags, 0666);

	if (fd < 0) {
		fclose(f);
		return NULL;
	}
	fflush(f);
	sys3(dup3, fd, f->_fileno, flags & O_CLOEXEC);
	sys1(close, fd);
	shim_ident_forget(f->_fileno);
	f->_flags &= ~(SHIM_STREAM_NO_READS | SHIM_STREAM_NO_WRITES);
	f->_flags |= (flags & O_ACCMODE) == O_RDONLY   ? SHIM_STREAM_NO_WRITES
		     : (flags & O_ACCMODE) == O_WRONLY ? SHIM_STREAM_NO_READS
						       : 0;
	clearerr(f);
	return f;
}

/*
 * For other streams, libc opens the path in the runtime directory as an ordinary stream:
 * that is enough to read an attribute, and a device has nothing to read.
 */
#define FREOPEN(name)                                                                    \
	SHIM_EXPORT FILE *name(const char *path, const char *mode, FILE *f)              \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
		const char *other = NULL;                                                \
                                                                                         \
		if (path && is_stream_ours(f))                                           \
			return freopen_ours(path, mode, f);                              \
		if (shim_has_word(path))                                                 \
			other = shim_open_redirect(path, buf);                           \
		return REAL(name)(other ? other : path, mode, f);                        \
	}

FREOPEN(freopen)
FREOPEN(freopen64)
