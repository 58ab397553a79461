/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap the functions that change directories, and the modes and attributes of files.
 *
 * Users may not change /dev and /sys, and root may change only modes in /sys. The daemon's
 * files for them, however, often belong to the user, so the kernel would allow it; the
 * wrappers must refuse it.
 */
#include "client/shim/wrap/change.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libcore/attrmode.h"
#include "libcore/device.h"
#include "libcore/reason.h"
#include "libcore/state.h"
#include "libcore/verdict.h"
#include "libcore/xattr.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/path.h"
#include "client/shim/process/report.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

enum place {
	ELSEWHERE,
	IN_DEV,
	IN_SYS, /* or /proc */
};

/* Finds out where a path leads. @buf: receives its path in the runtime directory. */
static SHIM_COLD enum place place_of_word(int dirfd, const char *path,
					  enum shim_follow follow, char buf[PATH_MAX])
{
	const struct shim_session *s;

	if (shim_path_redirect(dirfd, path, follow, buf) == path)
		return ELSEWHERE;
	s = shim_session();
	return strncmp(buf + s->dir_len, "/dev/", 5) ? IN_SYS : IN_DEV;
}

static enum place place_of(int dirfd, const char *path, enum shim_follow follow,
			   char buf[PATH_MAX])
{
	return shim_has_word(path) ? place_of_word(dirfd, path, follow, buf) : ELSEWHERE;
}

/*
 * Refuses a change of an emulated file, as libcore decides. @path: in the runtime
 * directory; changed only temporarily. Return: 0 if it is allowed, or a negative errno.
 */
static SHIM_COLD int refuse_change(enum dax_change_kind what, enum place place,
				   bool is_there, char *path)
{
	const struct shim_call call = {.call = DAX_CALL_CHANGE};
	struct dax_change change = {.what = what,
				    .is_in_sys = place == IN_SYS,
				    .is_there = is_there};
	char *slash = path;
	struct dax_verdict v;
	char *p;

	for (p = path; *p; p++)
		slash = *p == '/' ? p : slash;
	*slash = '\0';
	change.may_write = sys3(faccessat, AT_FDCWD, path, W_OK) == 0;
	*slash = '/';
	v = dax_change_verdict(&change);
	/* `mkdir -p` tries every parent directory: do not report that. */
	if (v.reason != DAX_NODE_IS_THERE)
		shim_report_path(shim_session(), &call, path, &v);
	return -v.error;
}

/*
 * Decides whether the program may make, remove or rename a file at a path. Return: 0 if
 * the path leads to no emulated file, else a negative errno.
 */
static int may_change(enum dax_change_kind what, int dirfd, const char *path)
{
	char buf[PATH_MAX];
	enum place place = place_of(dirfd, path, SHIM_NOFOLLOW, buf);

	return likely(place == ELSEWHERE) ? 0 : refuse_change(what, place, true, buf);
}

/* The same for a new file, which may exist already. */
static int may_make(enum dax_change_kind what, int dirfd, const char *path)
{
	char buf[PATH_MAX];
	enum place place = place_of(dirfd, path, SHIM_NOFOLLOW, buf);
	long r;

	if (likely(place == ELSEWHERE))
		return 0;
	r = sys4(faccessat, AT_FDCWD, buf, F_OK, 0);
	if (r < 0 && r != -ENOENT)
		return (int)r;
	return refuse_change(what, place, r == 0, buf);
}

/* Corrects errno of a query about an attribute that an emulated file does not have. */
static SHIM_COLD ssize_t no_xattr(bool is_node, const char *name)
{
	const struct dax_xattr_file file = {.is_node = is_node};

	if (shim_may_look(name))
		errno = dax_xattr_error(DAX_XATTR_GET, &file, name, errno);
	return -1;
}

#define GETXATTR(func, follow)                                                           \
	static SHIM_COLD ssize_t func##_ours(const char *path, const char *name,         \
					     void *value, size_t size)                   \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
		enum place place = place_of_word(AT_FDCWD, path, follow, buf);           \
		ssize_t r;                                                               \
                                                                                         \
		r = REAL(func)(place == ELSEWHERE ? path : buf, name, value, size);      \
		return r < 0 && place != ELSEWHERE ? no_xattr(place == IN_DEV, name)     \
						   : r;                                  \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT ssize_t func(const char *path, const char *name, void *value,        \
				 size_t size)                                            \
	{                                                                                \
		const int before = errno;                                                \
		ssize_t r = REAL(func)(path, name, value, size);                         \
                                                                                         \
		if (shim_ask_again(r == -1, AT_FDCWD, path, follow))                     \
			return SHIM_AGAIN(before, func##_ours(path, name, value, size)); \
		return r;                                                                \
	}

GETXATTR(getxattr, SHIM_FOLLOW)
GETXATTR(lgetxattr, SHIM_NOFOLLOW)

SHIM_EXPORT ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
	const ssize_t r = REAL(fgetxattr)(fd, name, value, size);
	enum shim_kind kind;

	if (likely(r >= 0) || likely(shim_ident_is_other(fd)))
		return r;
	kind = shim_ident_fd(fd).kind;
	return kind == SHIM_NODE || kind == SHIM_ATTR ? no_xattr(kind == SHIM_NODE, name)
						      : r;
}

static bool is_user_name(const char *name)
{
	return shim_may_look(name) && !strncmp(name, "user.", 5);
}

#define SETXATTR(func, follow)                                                           \
	static SHIM_COLD int func##_ours(const char *path, const char *name,             \
					 const void *value, size_t size, int flags)      \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
                                                                                         \
		path = shim_path_redirect(AT_FDCWD, path, follow, buf);                  \
		if (path == buf && is_user_name(name))                                   \
			return (int)shim_ret(                                            \
				refuse_change(DAX_CHANGE_XATTR, IN_DEV, true, buf));     \
		return REAL(func)(path, name, value, size, flags);                       \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int func(const char *path, const char *name, const void *value,      \
			     size_t size, int flags)                                     \
	{                                                                                \
		return SHIM_BY_PATH(AT_FDCWD, path, follow,                              \
				    func##_ours(path, name, value, size, flags),         \
				    REAL(func)(path, name, value, size, flags));         \
	}

SETXATTR(setxattr, SHIM_FOLLOW)
SETXATTR(lsetxattr, SHIM_NOFOLLOW)

static SHIM_COLD int refuse_xattr(int fd)
{
	char path[PATH_MAX];

	if (shim_path_of_fd(fd, path) < 0)
		return -EPERM;
	return refuse_change(DAX_CHANGE_XATTR, IN_DEV, true, path);
}

SHIM_EXPORT int fsetxattr(int fd, const char *name, const void *value, size_t size,
			  int flags)
{
	if (unlikely(shim_own_fd_is(fd)))
		return (int)shim_ret(-EBADF);
	if (unlikely(!shim_ident_is_other(fd)) && shim_ident_fd(fd).kind != SHIM_OTHER &&
	    is_user_name(name))
		return (int)shim_ret(refuse_xattr(fd));
	return REAL(fsetxattr)(fd, name, value, size, flags);
}

/*
 * Changes the mode of an emulated file by its path. A node's keeps the sticky bit, by
 * which ident.c knows it; a real one has none. The daemon must reach its directories.
 */
static SHIM_COLD int chmod_ours(int dirfd, const char *path, mode_t mode,
				enum shim_follow follow)
{
	char buf[PATH_MAX];
	struct stat st;
	long r;

	switch (place_of_word(dirfd, path, follow, buf)) {
	case IN_DEV:
		return (int)sys3(fchmodat, AT_FDCWD, buf, mode | S_ISVTX);
	case IN_SYS:
		r = sys4(newfstatat, AT_FDCWD, buf, &st, 0);
		if (r < 0)
			return (int)r;
		return (int)sys3(fchmodat, AT_FDCWD, buf,
				 S_ISREG(st.st_mode)
					 ? dax_attr_mode_change(st.st_mode, mode)
					 : (mode & 0777) | S_IRWXU);
	case ELSEWHERE:
	default:
		return -EXDEV;
	}
}

/*
 * Adds the marks of an emulated file to a new mode of a file that the kernel finds, by
 * whatever path: through /proc/self/fd, by a second link, or by a descriptor.
 */
static void mark_mode(const struct stat *st, mode_t *mode)
{
	struct shim_ident id = shim_ident_stat(st);

	if (likely(id.kind == SHIM_OTHER))
		return;
	if (id.kind == SHIM_ATTR)
		*mode = dax_attr_mode_change(st->st_mode, *mode);
	else if (id.session->state->handles[id.slot].dev)
		*mode |= S_ISVTX;
}

/*
 * The same by path. Return: 0 if the mode was changed, -EXDEV to call the kernel with
 * @mode, or a negative errno.
 */
static int chmod_at(int dirfd, const char *path, mode_t *mode, int flags)
{
	const enum shim_follow follow =
		flags & AT_SYMLINK_NOFOLLOW ? SHIM_NOFOLLOW : SHIM_FOLLOW;
	struct stat st;
	long r;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EXDEV;
	if (shim_has_word(path)) {
		r = chmod_ours(dirfd, path, *mode, follow);
		if (r != -EXDEV)
			return (int)r;
	}
	r = sys4(newfstatat, dirfd, path, &st, flags);
	if (r == 0 && S_ISLNK(st.st_mode) && shim_path_is_copy(dirfd, path))
		return chmod_ours(dirfd, path, *mode, SHIM_FOLLOW);
	if (r == 0)
		mark_mode(&st, mode);
	else if (r == -ENOENT && follow == SHIM_FOLLOW &&
		 shim_path_is_dangling(dirfd, path))
		return chmod_ours(dirfd, path, *mode, follow);
	return -EXDEV;
}

#define CHMOD(name, params, args, dirfd, flags)                                          \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		int r = chmod_at(dirfd, path, &mode, flags);                             \
                                                                                         \
		return r == -EXDEV ? REAL(name) args : (int)shim_ret(r);                 \
	}

CHMOD(chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, 0)
CHMOD(lchmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD,
      AT_SYMLINK_NOFOLLOW)
CHMOD(fchmodat, (int dirfd, const char *path, mode_t mode, int flags),
      (dirfd, path, mode, flags), dirfd, flags)

SHIM_EXPORT int fchmod(int fd, mode_t mode)
{
	struct stat st;

	if (unlikely(!shim_ident_is_other(fd)) && sys2(fstat, fd, &st) == 0)
		mark_mode(&st, &mode);
	return REAL(fchmod)(fd, mode);
}

/**
 * shim_change_mode() - do what fchmodat2(2) does
 * @dirfd, @path, @mode, @flags:	its arguments; the pointer may be bad
 *
 * The mark of an emulated file stays. Async-signal-safe.
 *
 * Return: 0, or a negative errno.
 */
long shim_change_mode(int dirfd, const char *path, mode_t mode, unsigned int flags)
{
	int r = chmod_at(dirfd, path, &mode, (int)flags);

	return r == -EXDEV ? sys4(fchmodat2, dirfd, path, mode, flags) : r;
}

/* EINVAL for a device (fs/open.c: do_sys_truncate()); fs/kernfs accepts any length. */
static SHIM_COLD int truncate_ours(const char *path, off64_t len)
{
	char buf[PATH_MAX];
	enum place place = place_of_word(AT_FDCWD, path, SHIM_FOLLOW, buf);
	const struct shim_call call = {DAX_CALL_TRUNCATE, {(uint64_t)len}};
	struct dax_verdict v;
	int r;

	if (place == ELSEWHERE)
		return (int)sys2(truncate, path, len);
	if (len < 0)
		return -EINVAL;
	r = (int)sys3(faccessat, AT_FDCWD, buf, place == IN_DEV ? F_OK : W_OK);
	if (r < 0 || place == IN_SYS)
		return r;
	v = dax_fd_verdict(DAX_KERNEL_NEWEST, DAX_CALL_FTRUNCATE, O_RDWR, len, 0, 0);
	shim_report_path(shim_session(), &call, buf, &v);
	return -v.error;
}

#define TRUNCATE(name, off_type)                                                         \
	SHIM_EXPORT int name(const char *path, off_type len)                             \
	{                                                                                \
		return SHIM_BY_PATH(AT_FDCWD, path, SHIM_FOLLOW,                         \
				    (int)shim_ret(truncate_ours(path, len)),             \
				    REAL(name)(path, len));                              \
	}

TRUNCATE(truncate, off_t)
TRUNCATE(truncate64, off64_t)

/* Root may remove a node; the device stays. */
static SHIM_COLD int unlink_ours(int dirfd, const char *path, int flags)
{
	char buf[PATH_MAX];
	struct stat st;
	long r;

	switch (place_of_word(dirfd, path, SHIM_NOFOLLOW, buf)) {
	case IN_DEV:
		r = sys4(newfstatat, AT_FDCWD, buf, &st, AT_SYMLINK_NOFOLLOW);
		if (r < 0)
			return (int)r;
		if (flags & AT_REMOVEDIR)
			return -ENOTDIR;
		return sys0(geteuid) ? refuse_change(DAX_CHANGE_REMOVE, IN_DEV, true, buf)
				     : (int)sys3(unlinkat, AT_FDCWD, buf, 0);
	case IN_SYS:
		return refuse_change(DAX_CHANGE_REMOVE, IN_SYS, true, buf);
	case ELSEWHERE:
	default:
		return (int)sys3(unlinkat, dirfd, path, flags);
	}
}

SHIM_EXPORT int unlink(const char *path)
{
	if (shim_has_word(path))
		return (int)shim_ret(unlink_ours(AT_FDCWD, path, 0));
	return REAL(unlink)(path);
}

SHIM_EXPORT int unlinkat(int dirfd, const char *path, int flags)
{
	if (shim_has_word(path))
		return (int)shim_ret(unlink_ours(dirfd, path, flags));
	return REAL(unlinkat)(dirfd, path, flags);
}

SHIM_EXPORT int remove(const char *path)
{
	int r = may_change(DAX_CHANGE_REMOVE, AT_FDCWD, path);

	if (unlikely(r == -EACCES))
		r = unlink_ours(AT_FDCWD, path, 0);
	else if (likely(!r))
		return REAL(remove)(path);
	return (int)shim_ret(r);
}

SHIM_EXPORT int rmdir(const char *path)
{
	if (shim_has_word(path))
		return (int)shim_ret(unlink_ours(AT_FDCWD, path, AT_REMOVEDIR));
	return REAL(rmdir)(path);
}

#define MAKE(name, params, args, dirfd, path)                                            \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		int r = may_make(DAX_CHANGE_MAKE, dirfd, path);                          \
                                                                                         \
		return unlikely(r < 0) ? (int)shim_ret(r) : REAL(name) args;             \
	}

#define CHANGE2(name, params, args, dirfd1, path1, dirfd2, path2)                        \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		int r = may_change(DAX_CHANGE_REMOVE, dirfd1, path1);                    \
                                                                                         \
		if (likely(!r))                                                          \
			r = may_change(DAX_CHANGE_REMOVE, dirfd2, path2);                \
		return unlikely(r < 0) ? (int)shim_ret(r) : REAL(name) args;             \
	}

/**
 * shim_change_make() - decide whether the program may make a special file
 * @dirfd:	directory that a relative path starts from, or AT_FDCWD
 * @path:	path of the new file; the pointer may be bad
 *
 * Async-signal-safe.
 *
 * Return: 0 if the path leads to no emulated file, else a negative errno.
 */
int shim_change_make(int dirfd, const char *path)
{
	return may_make(DAX_CHANGE_MKNOD, dirfd, path);
}

#define MAKE_FIFO(name, params, args, dirfd)                                             \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		int r = may_make(DAX_CHANGE_MKNOD, dirfd, path);                         \
                                                                                         \
		return unlikely(r < 0) ? (int)shim_ret(r) : REAL(name) args;             \
	}

MAKE_FIFO(mkfifo, (const char *path, mode_t mode), (path, mode), AT_FDCWD)
MAKE_FIFO(mkfifoat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode),
	  dirfd)

MAKE(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
MAKE(mkdirat, (int dirfd, const char *path, mode_t mode), (dirfd, path, mode), dirfd,
     path)
MAKE(symlink, (const char *target, const char *path), (target, path), AT_FDCWD, path)
MAKE(symlinkat, (const char *target, int dirfd, const char *path), (target, dirfd, path),
     dirfd, path)
CHANGE2(rename, (const char *from, const char *to), (from, to), AT_FDCWD, from, AT_FDCWD,
	to)
CHANGE2(renameat, (int fromfd, const char *from, int tofd, const char *to),
	(fromfd, from, tofd, to), fromfd, from, tofd, to)
CHANGE2(renameat2,
	(int fromfd, const char *from, int tofd, const char *to, unsigned int flags),
	(fromfd, from, tofd, to, flags), fromfd, from, tofd, to)

/* The same for link(2), for both paths. */
static int may_link(int fromfd, const char *from, int tofd, const char *to)
{
	int r = may_make(DAX_CHANGE_LINK, tofd, to);

	return unlikely(r) ? r : may_change(DAX_CHANGE_LINK_FROM, fromfd, from);
}

SHIM_EXPORT int link(const char *from, const char *to)
{
	int r = may_link(AT_FDCWD, from, AT_FDCWD, to);

	return unlikely(r < 0) ? (int)shim_ret(r) : REAL(link)(from, to);
}

SHIM_EXPORT int linkat(int fromfd, const char *from, int tofd, const char *to, int flags)
{
	int r = may_link(fromfd, from, tofd, to);

	return unlikely(r < 0) ? (int)shim_ret(r)
			       : REAL(linkat)(fromfd, from, tofd, to, flags);
}

/*
 * Makes a second node of a device: here a hard link to its handle, or a symbolic link that
 * lstat(2) and others show as a node. Return: 0, or a negative errno; the caller must then
 * leave it to the kernel.
 */
static SHIM_COLD int mknod_ours(int dirfd, const char *path, dev_t rdev)
{
	const struct shim_session *s = shim_session();
	char target[DAX_PATH_COPY_LEN + 1];
	char handle[PATH_MAX];
	struct dax_device dev;
	uint32_t i;
	long r;

	if (!s || major(rdev) != s->names.major || sys0(geteuid))
		return -ENODEV;
	for (i = 0; i < DAX_STATE_SLOTS; i++) {
		dax_state_read(s->state, i, &dev);
		if (dev.life && !(dev.flags & DAX_DEVICE_GONE) &&
		    dev.minor == minor(rdev) && dev.major == major(rdev))
			break;
	}
	if (i == DAX_STATE_SLOTS)
		return -ENODEV;
	memcpy(handle, s->dir, s->dir_len);
	strcpy(handle + s->dir_len, "/dev/");
	strcat(handle, dev.name);
	r = sys5(linkat, AT_FDCWD, handle, dirfd, path, 0);
	if (r == -EXDEV) { /* on another file system */
		dax_path_write_copy(dev.name, target);
		r = sys3(symlinkat, target, dirfd, path);
	}
	return (int)r;
}

/* Return: 0 to call the kernel, 1 if the node was made, or a negative errno. */
static int before_mknod(int dirfd, const char *path, mode_t mode, dev_t rdev)
{
	int r = may_make(DAX_CHANGE_MKNOD, dirfd, path);

	if (unlikely(r < 0))
		return r;
	if (unlikely(S_ISCHR(mode)) && mknod_ours(dirfd, path, rdev) == 0)
		return 1;
	return 0;
}

SHIM_EXPORT int mknod(const char *path, mode_t mode, dev_t rdev)
{
	int r = before_mknod(AT_FDCWD, path, mode, rdev);

	if (r)
		return r < 0 ? (int)shim_ret(r) : 0;
	return REAL(mknod)(path, mode, rdev);
}

SHIM_EXPORT int mknodat(int dirfd, const char *path, mode_t mode, dev_t rdev)
{
	int r = before_mknod(dirfd, path, mode, rdev);

	if (r)
		return r < 0 ? (int)shim_ret(r) : 0;
	return REAL(mknodat)(dirfd, path, mode, rdev);
}
