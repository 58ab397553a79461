/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carry out system calls for which libc has no function: those that came after Linux 6.1,
 * and those of the mount family. Programs make them with syscall(2).
 *
 * A call that the emulated kernel does not have yet is ENOSYS, whatever file it is about.
 */
#include "client/shim/wrap/raw_call.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

#include "libcore/kernel.h"
#include "libcore/xattr.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

/**
 * shim_raw_is_missing() - tell whether the emulated kernel lacks a system call
 * @nr:	its number
 *
 * Async-signal-safe.
 *
 * Return: true if the call is ENOSYS.
 */
bool shim_raw_is_missing(long nr)
{
	const struct shim_session *s;

	if (likely(nr < DAX_KERNEL_FIRST_LATE_CALL))
		return false;
	s = shim_session();
	return s && !dax_kernel_has_call(dax_state_kernel(s->state), nr);
}

/**
 * shim_raw_is_bad_null() - tell whether a path is NULL, which is EFAULT
 * @path:	path of stat or statx; newer kernels take NULL for an empty one
 *
 * Async-signal-safe.
 *
 * Return: true if it is NULL, and the emulated kernel takes none.
 */
bool shim_raw_is_bad_null(const char *path)
{
	return unlikely(!path) && shim_session() &&
	       !dax_kernel_has(shim_session_kernel(), DAX_RULE_NULL_PATH);
}

/* The file that a call by path is about. */
struct file {
	enum shim_kind kind; /* SHIM_ATTR also for directories of sysfs */
	bool may_write;
};

static SHIM_COLD struct file file_of(int dirfd, const char *path, unsigned int flags)
{
	struct file f = {.kind = SHIM_OTHER};
	struct stat st;

	if (sys4(newfstatat, dirfd, path, &st,
		 flags & (AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) < 0)
		return f;
	f.kind = shim_ident_stat(&st).kind;
	/* The user who runs the daemon is what root is on a real machine. */
	f.may_write = sys0(geteuid) == 0 || st.st_uid == (uid_t)sys0(geteuid) ||
		      st.st_mode & S_IWOTH;
	return f;
}

/* Where the arguments of a call are; the directory and the path are the first two. */
static int flags_at(long nr)
{
	return nr == SYS_file_getattr || nr == SYS_file_setattr ? 4 : 2;
}

static bool is_xattr(long nr)
{
	return nr == SYS_setxattrat || nr == SYS_getxattrat || nr == SYS_removexattrat;
}

/* Decides how a call on an emulated file ends. @r: what the kernel said. */
static SHIM_COLD long path_answer(long nr, const struct file *f, const long x[6], long r)
{
	const struct dax_xattr_file file = {f->kind == SHIM_NODE, f->may_write};
	const char *name = (const char *)x[3];

	if (is_xattr(nr) && r != -EBADF && shim_may_look(name))
		return -dax_xattr_error(nr == SYS_getxattrat ? DAX_XATTR_GET
							     : DAX_XATTR_SET,
					&file, name, r < 0 ? (int)-r : 0);
	/* Neither file system has attributes of this kind (fs/file_attr.c). */
	if ((nr == SYS_file_getattr || nr == SYS_file_setattr) &&
	    (r == 0 || r == -EPERM || r == -EACCES))
		return -EOPNOTSUPP;
	return r;
}

/* Makes the call, unless it would change an emulated file. */
static SHIM_COLD long call_on(long nr, const struct file *f, const long x[6])
{
	const bool is_o_path =
		!*(const char *)x[1] && sys2(fcntl, x[0], F_GETFL) & O_PATH;

	if (f->kind != SHIM_OTHER && !is_o_path &&
	    (nr == SYS_setxattrat || nr == SYS_removexattrat) &&
	    shim_may_look((const char *)x[3]) &&
	    strncmp((const char *)x[3], "trusted.", 8))
		return -EOPNOTSUPP;
	return sys_call6(nr, x[0], x[1], x[2], x[3], x[4], x[5]);
}

/**
 * shim_raw_path() - make a call whose first two arguments are a directory and a path
 * @nr:	one of the numbers that flags_at() knows
 * @x:	its arguments; pointers may be bad
 *
 * Async-signal-safe.
 *
 * Return: the value of the call, or a negative errno.
 */
long shim_raw_path(long nr, const long x[6])
{
	const char *path = (const char *)x[1];
	const unsigned int flags = (unsigned int)x[flags_at(nr)];
	const enum shim_follow follow =
		flags & AT_SYMLINK_NOFOLLOW ? SHIM_NOFOLLOW : SHIM_FOLLOW;
	long y[6] = {x[0], x[1], x[2], x[3], x[4], x[5]};
	char buf[PATH_MAX];
	struct file f;
	struct stat st;
	long r;

	if (!shim_may_look(path))
		return sys_call6(nr, x[0], x[1], x[2], x[3], x[4], x[5]);
	if (shim_has_word(path) ||
	    (follow == SHIM_FOLLOW && *path && shim_path_is_dangling((int)x[0], path)))
		y[1] = (long)shim_path_redirect((int)x[0], path, follow, buf);
	f = file_of((int)x[0], (const char *)y[1], flags);
	if (y[1] == (long)buf && f.kind == SHIM_OTHER &&
	    sys4(newfstatat, AT_FDCWD, buf, &st, AT_SYMLINK_NOFOLLOW) == 0)
		f.kind = SHIM_ATTR;
	r = call_on(nr, &f, y);
	if (r >= 0 && (nr == SYS_open_tree || nr == SYS_open_tree_attr))
		shim_ident_forget((int)r);
	return likely(f.kind == SHIM_OTHER) ? r : path_answer(nr, &f, y, r);
}

/**
 * shim_raw_move_mount() - do what move_mount(2) does
 * @x:	its arguments; pointers may be bad
 *
 * Nothing can be mounted over an emulated file. Async-signal-safe.
 *
 * Return: 0, or a negative errno.
 */
long shim_raw_move_mount(const long x[6])
{
	char from[PATH_MAX];
	char to[PATH_MAX];
	long y[5] = {x[0], x[1], x[2], x[3], x[4]};

	if (shim_has_word((const char *)x[1]))
		y[1] = (long)shim_path_redirect((int)x[0], (const char *)x[1],
						SHIM_FOLLOW, from);
	if (shim_has_word((const char *)x[3]) &&
	    shim_path_redirect((int)x[2], (const char *)x[3], SHIM_FOLLOW, to) == to)
		y[4] = ~0; /* EPERM or EINVAL (fs/namespace.c: move_mount()) */
	return sys5(move_mount, y[0], y[1], y[2], y[3], y[4]);
}

/**
 * shim_raw_cachestat() - do what cachestat(2) does
 * @fd, @range, @found, @flags:	its arguments; pointers may be bad
 *
 * Devices and sysfs have no page cache; the emulator's files for them have. A file without
 * pages takes their place. Async-signal-safe.
 *
 * Return: 0, or a negative errno.
 */
long shim_raw_cachestat(int fd, const void *range, void *found, unsigned int flags)
{
	const struct shim_ident id = shim_ident_fd(fd);
	long r = sys4(cachestat, fd, range, found, flags);
	int empty;

	if (likely(id.kind == SHIM_OTHER) || r == -EBADF || r == -EPERM)
		return r;
	empty = (int)sys2(memfd_create, "cachestat", 1 /* MFD_CLOEXEC */);
	if (empty < 0)
		return empty;
	r = sys4(cachestat, empty, range, found, flags);
	sys1(close, empty);
	return r;
}
