/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap the functions that return a path, and translate paths in the runtime directory to
 * the emulated ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "libcore/path.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/maps.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

/*
 * Translates a link's target, as those of descriptors and working directories in /proc.
 * Links in the sysfs tree are relative and need no change. Return: the length.
 */
static ssize_t shown_target(char *buf, ssize_t n)
{
	char path[PATH_MAX];
	ssize_t shown;

	if (n <= 0 || n >= PATH_MAX || buf[0] != '/')
		return n;
	memcpy(path, buf, (size_t)n);
	path[n] = '\0';
	shown = shim_path_unredirect(path, (size_t)n);
	if (shown < 0)
		return n;
	memcpy(buf, path, (size_t)shown);
	return shown;
}

static bool is_in_proc(const char *path)
{
	return !strncmp(path, "/proc/", 6);
}

/* Copies to the program's buffer; fails with EFAULT, as the kernel, if that is bad. */
static ssize_t copy_out(void *to, const void *from, size_t n)
{
	struct iovec local = {.iov_base = (void *)(uintptr_t)from, .iov_len = n};
	struct iovec remote = {.iov_base = to, .iov_len = n};

	if (unlikely(!to || shim_maps_touch((uintptr_t)to, n)) &&
	    sys6(process_vm_writev, sys0(getpid), &local, 1, &remote, 1, 0) != (long)n)
		return shim_ret(-EFAULT);
	memcpy(to, from, n);
	return (ssize_t)n;
}

/* A link that stands for a node is no link to the program. @n: the length of its target. */
static ssize_t refuse_copy(const char *buf, ssize_t n)
{
	if (unlikely(n == DAX_PATH_COPY_LEN) && dax_path_is_copy(buf, (size_t)n) &&
	    shim_session_exists())
		return shim_ret(-EINVAL);
	return n;
}

/*
 * A path in the runtime directory is longer than the emulated one, and the program's
 * buffer may have room for the latter only; so the target is read into another buffer.
 */
#define READLINK(name, params, dirfd, call)                                              \
	static SHIM_COLD ssize_t name##_ours params                                      \
	{                                                                                \
		char other_[PATH_MAX];                                                   \
		char target_[PATH_MAX];                                                  \
		char *to = buf;                                                          \
		size_t room = size;                                                      \
		ssize_t n;                                                               \
                                                                                         \
		path = shim_path_redirect(dirfd, path, SHIM_NOFOLLOW, other_);           \
		buf = target_;                                                           \
		size = sizeof(target_);                                                  \
		n = refuse_copy(target_, shown_target(target_, call));                   \
		if (n > 0 && room) {                                                     \
			n = (size_t)n < room ? n : (ssize_t)room;                        \
			n = copy_out(to, target_, (size_t)n);                            \
		} else if (n > 0) {                                                      \
			n = shim_ret(-EINVAL);                                           \
		}                                                                        \
		return n;                                                                \
	}

READLINK(readlink, (const char *path, char *buf, size_t size), AT_FDCWD,
	 REAL(readlink)(path, buf, size))
READLINK(readlinkat, (int dirfd, const char *path, char *buf, size_t size), dirfd,
	 REAL(readlinkat)(dirfd, path, buf, size))

/*
 * True if the link may be an emulated file or lead to one. Checked before the call: the
 * kernel would write the longer target to the program's buffer, of which only the bytes
 * of the result may change.
 */
static bool is_link_ours(int dirfd, const char *path)
{
	return shim_has_word(path) ||
	       (shim_may_look(path) &&
		(is_in_proc(path) || (dirfd != AT_FDCWD && path[0] != '/')));
}

static bool is_own_fd(int dirfd, const char *path)
{
	return shim_may_look(path) && shim_own_fd_is_path(dirfd, path);
}

SHIM_EXPORT ssize_t readlink(const char *path, char *buf, size_t size)
{
	if (unlikely(is_own_fd(AT_FDCWD, path)))
		return shim_ret(-ENOENT);
	if (unlikely(is_link_ours(AT_FDCWD, path)))
		return readlink_ours(path, buf, size);
	return refuse_copy(buf, REAL(readlink)(path, buf, size));
}

SHIM_EXPORT ssize_t readlinkat(int dirfd, const char *path, char *buf, size_t size)
{
	if (unlikely(is_own_fd(dirfd, path)))
		return shim_ret(-ENOENT);
	if (unlikely(is_link_ours(dirfd, path)))
		return readlinkat_ours(dirfd, path, buf, size);
	return refuse_copy(buf, REAL(readlinkat)(dirfd, path, buf, size));
}

SHIM_EXPORT ssize_t __readlink_chk(const char *path, char *buf, size_t size, size_t room)
{
	if (unlikely(size <= room && is_link_ours(AT_FDCWD, path)))
		return readlink_ours(path, buf, size);
	return refuse_copy(buf, REAL(__readlink_chk)(path, buf, size, room));
}

SHIM_EXPORT ssize_t __readlinkat_chk(int dirfd, const char *path, char *buf, size_t size,
				     size_t room)
{
	if (unlikely(size <= room && is_link_ours(dirfd, path)))
		return readlinkat_ours(dirfd, path, buf, size);
	return refuse_copy(buf, REAL(__readlinkat_chk)(dirfd, path, buf, size, room));
}

static char *shown_path(char *path)
{
	if (path)
		shim_path_unredirect(path, strlen(path));
	return path;
}

static SHIM_COLD char *realpath_ours(const char *path, char *resolved)
{
	char buf[PATH_MAX];

	return shown_path(REAL(realpath)(
		shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf), resolved));
}

static char *realpath_any(const char *path, char *resolved)
{
	char *r;

	if (shim_has_word(path))
		return realpath_ours(path, resolved);
	r = REAL(realpath)(path, resolved);
	if (unlikely(!r) && shim_was_dangling(AT_FDCWD, path, SHIM_FOLLOW))
		return realpath_ours(path, resolved);
	/* The path may lead through /proc or a working directory in the emulated tree. */
	return shown_path(r);
}

SHIM_EXPORT char *realpath(const char *path, char *resolved)
{
	return realpath_any(path, resolved);
}

SHIM_EXPORT char *__realpath_chk(const char *path, char *resolved, size_t room)
{
	if (room < PATH_MAX) /* libc will abort the program */
		return REAL(__realpath_chk)(path, resolved, room);
	return realpath_any(path, resolved);
}

SHIM_EXPORT char *canonicalize_file_name(const char *path)
{
	return realpath_any(path, NULL);
}

SHIM_EXPORT char *getcwd(char *buf, size_t size)
{
	char path[PATH_MAX];
	char *r = REAL(getcwd)(buf, size);

	if (likely(r != NULL) || errno != ERANGE || !buf)
		return shown_path(r);
	/* The emulated path may fit where the path in the runtime directory does not. */
	r = shown_path(REAL(getcwd)(path, sizeof(path)));
	if (!r || strlen(r) >= size) {
		errno = ERANGE;
		return NULL;
	}
	return strcpy(buf, r);
}

SHIM_EXPORT char *__getcwd_chk(char *buf, size_t size, size_t room)
{
	return shown_path(REAL(__getcwd_chk)(buf, size, room));
}

SHIM_EXPORT char *get_current_dir_name(void)
{
	return shown_path(REAL(get_current_dir_name)());
}
