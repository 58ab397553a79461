/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions that open files. */
#include "client/shim/wrap/open.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcore/attrmode.h"
#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/path.h"
#include "libcore/reason.h"
#include "libcore/state.h"
#include "libcore/verdict.h"
#include "libcore/wire.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/self.h"
#include "client/shim/base/sys.h"
#include "client/shim/memory/fault.h"
#include "client/shim/memory/proc_maps.h"
#include "client/shim/process/fd_limit.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/mounts.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/path.h"
#include "client/shim/process/report.h"
#include "client/shim/process/request.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

/* Flags that have an effect on regular files, but none on a device or attribute. */
#define FILE_FLAGS (O_CREAT | O_TRUNC | O_DIRECT)

static int close_with(int fd, int error)
{
	sys1(close, fd);
	return -error;
}

/*
 * Opens a disabled device, which works while another descriptor of it is open
 * (fs/char_dev.c). @fd must not count as one, so this closes it, asks the daemon whether
 * the device is held, and reopens it. For a real node (CUSE), the daemon has decided that
 * already. Return: a descriptor, or -ENXIO; @fd is then closed.
 */
SHIM_COLD static int open_if_held(const struct shim_ident *id,
				  const struct dax_device *dev, int fd, int flags)
{
	const struct shim_request is_held = {.type = DAX_MSG_HELD,
					     .arg = id->slot,
					     .fd = -1};
	char path[sizeof(id->session->dir) + DAX_NAME_LEN + 8];

	if (id->session->names.has_real_nodes && !(dev->flags & DAX_DEVICE_GONE))
		return fd;
	sys1(close, fd);
	if (dev->flags & DAX_DEVICE_GONE || shim_request(id->session, &is_held) < 0)
		return -ENXIO;
	memcpy(path, id->session->dir, id->session->dir_len);
	strcpy(path + id->session->dir_len, "/dev/");
	strcat(path, dev->name);
	fd = (int)sys4(openat, AT_FDCWD, path, flags & ~(FILE_FLAGS | O_EXCL), 0);
	return fd < 0 ? -ENXIO : fd;
}

/*
 * Applies the driver's verdict after the kernel has opened a handle. Return: the
 * descriptor, or a negative errno; @fd is then closed.
 */
static int opened_node(const struct shim_ident *id, int fd, int flags)
{
	const struct shim_call call = {DAX_CALL_OPEN, {(uint64_t)flags}};
	struct dax_verdict v;
	struct dax_device dev;
	bool is_held = false;

	dax_state_read(id->session->state, id->slot, &dev);
	if (unlikely(!dax_device_is_alive(&dev)) && !(flags & O_PATH)) {
		fd = open_if_held(id, &dev, fd, flags);
		is_held = fd >= 0;
	}
	v = dax_open_verdict(&dev, flags, is_held);
	if (shim_session_has_faults(id->session, DAX_FAULT_OPEN) && !(flags & O_PATH)) {
		int r = shim_fault(id->session, DAX_FAULT_OPEN, dev.name,
				   &(struct shim_fault_place){.fd = fd});

		if (r < 0)
			v = dax_refuse(-r, DAX_INJECTED, 0, 0, 0);
	}
	shim_report(id->session, &call, id->slot, &v, (uint64_t)fd);
	if (v.error)
		return fd < 0 ? -(int)v.error : close_with(fd, v.error);
	if (!(flags & O_PATH))
		shim_ident_opened(fd, id->slot);
	shim_ident_forget(fd);
	return fd;
}

/* The same for an attribute. */
static int opened_attr(const struct shim_ident *id, const char *path, int fd,
		       const struct stat *st, int flags)
{
	const struct shim_call call = {DAX_CALL_ATTR_OPEN, {(uint64_t)flags}};
	struct dax_verdict v =
		dax_attr_open_verdict(dax_attr_mode_decode(st->st_mode), flags);

	shim_report_path(id->session, &call, path, &v);
	if (v.error)
		return close_with(fd, v.error);
	shim_ident_forget(fd);
	shim_ident_set_unread(fd, true);
	return fd;
}

/* The same for any file: applies the verdict if it is a handle or an attribute. */
static int after_kernel_open(int fd, const char *path, int flags)
{
	struct shim_ident id;
	struct stat st;

	if (fd < 0 || sys2(fstat, fd, &st) < 0)
		return fd;
	id = shim_ident_stat(&st);
	switch (id.kind) {
	case SHIM_NODE:
		return opened_node(&id, fd, flags);
	case SHIM_ATTR:
		return opened_attr(&id, path, fd, &st, flags);
	case SHIM_OWN:
	case SHIM_OTHER:
	default:
		return fd;
	}
}

/*
 * Opens a node by the daemon's own mount, from a handle that the daemon names. For a program
 * whose mount is read-only, which does not keep it from writing to a device
 * (fs/file_table.c: only files count), or has no handles, as `mount --bind` leaves out the
 * mounts below. Return: a descriptor, or a negative errno; @refused if that can't be.
 */
static SHIM_COLD int open_by_daemon(const char *path, int flags, int refused)
{
	static const char dev[] = "/dev/";
	const struct shim_session *s = shim_session();
	struct shim_request req = {.type = DAX_MSG_HANDLE, .fd = -1};
	char link[SHIM_SELF_FD_LINK];
	int handle = -1;
	int slot;
	int fd;

	if (strncmp(path + s->dir_len, dev, sizeof(dev) - 1) != 0)
		return refused;
	slot = dax_state_find_name(s->state, path + s->dir_len + sizeof(dev) - 1);
	if (slot < 0)
		return refused;
	req.arg = (uint64_t)slot;
	req.ret_fd = &handle;
	if (shim_request(s, &req) < 0 || handle < 0)
		return refused;
	/* The program gets the lowest number that is free. */
	handle = shim_fd_limit_move(handle);
	shim_self_fd_link(handle, link);
	fd = flags & O_CREAT && flags & O_EXCL
		     ? -EEXIST
		     : (int)sys4(openat, AT_FDCWD, link,
				 flags & ~(FILE_FLAGS | O_EXCL | O_NOFOLLOW), 0);
	sys1(close, handle);
	return fd == -ENOENT ? refused : fd; /* there is no /proc */
}

/* Opens a file in the runtime directory, but never creates or truncates it. */
static int open_redirected(const char *path, int flags, mode_t mode)
{
	int plain = flags & ~FILE_FLAGS;
	int fd;

	/* Leave O_TMPFILE to the kernel: devtmpfs and sysfs have no unnamed files. */
	if ((flags & O_TMPFILE) == O_TMPFILE)
		plain = flags;
	/* Report EEXIST of O_EXCL and EACCES of O_TRUNC without creating anything. */
	if (flags & O_CREAT && flags & O_EXCL &&
	    sys3(faccessat, AT_FDCWD, path, F_OK) == 0)
		return -EEXIST;
	if (flags & O_TRUNC && sys3(faccessat, AT_FDCWD, path, W_OK) == -EACCES)
		return -EACCES;
	fd = (int)sys4(openat, AT_FDCWD, path, plain & ~O_EXCL, mode);
	if (unlikely(fd == -EROFS || fd == -ENOENT))
		fd = open_by_daemon(path, flags, fd);
	return fd == -ENOENT && flags & O_CREAT ? -EACCES : fd;
}

/**
 * shim_open_ours() - open a node or attribute
 * @path:		its path in the runtime directory
 * @flags, @mode:	those of open(2)
 *
 * Sleeps if a fault rule delays the call. Async-signal-safe.
 *
 * Return: a descriptor, which the caller must close, or a negative errno.
 */
int shim_open_ours(const char *path, int flags, mode_t mode)
{
	const struct shim_session *s = shim_session();
	const struct shim_call call = {DAX_CALL_OPEN, {(uint64_t)flags}};
	int r = dax_open_flags(flags, &flags);
	struct dax_verdict v;

	if (r == 0)
		r = open_redirected(path, flags, mode);
	if (r >= 0) {
		if (!strncmp(path + s->dir_len, "/dev/", 5))
			shim_session_pin();
		return after_kernel_open(r, path, flags);
	}
	v = dax_refuse(-r, DAX_KERNEL, 0, 0, 0);
	if (r == -EACCES && !strncmp(path + s->dir_len, "/sys/", 5))
		v.reason = DAX_ATTR_MODE;
	/* Programs look for files that do not exist: that is not a refusal. */
	if (s->log == SHIM_LOG_ALL || v.reason != DAX_KERNEL)
		shim_report_path(s, &call, path, &v);
	return r;
}

/*
 * Checks a file that was opened in /proc or /dev: it may be a descriptor of a device
 * again, or a list of mappings. Return: the descriptor to use, or a negative errno.
 */
static int opened_elsewhere(int fd, const char *path, int flags)
{
	int r;

	if (!strncmp(path, "/dev/fd/", 8) &&
	    unlikely(shim_own_fd_is_path(AT_FDCWD, path)))
		return close_with(fd, ENOENT);
	if (!strncmp(path, "/dev/fd/", 8) || !strncmp(path, "/dev/std", 8))
		return after_kernel_open(fd, path, flags);
	if (strncmp(path, "/proc/", 6))
		return fd;
	if (unlikely(shim_own_fd_is_path(AT_FDCWD, path)))
		return close_with(fd, ENOENT);
	if (strstr(path, "/fd/"))
		return after_kernel_open(fd, path, flags);
	r = shim_proc_maps_open(path, flags);
	if (r == -EXDEV)
		r = shim_mounts_open(path, flags);
	if (r == -EXDEV)
		return fd;
	sys1(close, fd);
	return r;
}

/* True if it is only for lack of mappings that the path leads to no device. */
static bool is_out_of_maps(const char *path)
{
	static const struct dax_path_names any;

	return shim_session_is_out_of_maps() &&
	       dax_path_is_root(&any, path, strlen(path));
}

/*
 * Return: a descriptor, or a negative errno: -EXDEV if it is not an emulated file, -ENOMEM
 * if the state pages cannot be mapped.
 */
static SHIM_COLD int try_open(int dirfd, const char *path, int flags, mode_t mode)
{
	enum shim_follow follow = flags & O_NOFOLLOW ? SHIM_NOFOLLOW : SHIM_FOLLOW;
	char buf[PATH_MAX];
	const char *other = shim_path_redirect(dirfd, path, follow, buf);

	if (other == path)
		return unlikely(is_out_of_maps(path)) ? -ENOMEM : -EXDEV;
	if (flags & O_CREAT && path[strlen(path) - 1] == '/')
		return -EISDIR;
	return shim_open_ours(other, flags, mode);
}

/*
 * Opens with O_CREAT. The path is checked before the kernel sees it, as the kernel would
 * create a file at the end of a link to an emulated file.
 */
static SHIM_COLD int try_create(int dirfd, const char *path, int flags, mode_t mode)
{
	char target[2];
	long n = sys4(readlinkat, dirfd, path, target, sizeof(target));

	if (n == -EFAULT || (n <= 0 && !dax_path_has_word(path)))
		return -EXDEV;
	return try_open(dirfd, path, flags, mode);
}

/* Called after the kernel has opened a file, or failed. @before: errno before that. */
static int after_open(int fd, int before, int dirfd, const char *path, int flags,
		      mode_t mode)
{
	const bool is_copy = unlikely(fd < 0) && errno == ELOOP && flags & O_NOFOLLOW &&
			     shim_path_is_copy(dirfd, path);
	int r = -EXDEV;

	if (is_copy || shim_ask_again(fd < 0, dirfd, path, SHIM_FOLLOW)) {
		const int saved = errno;

		if (is_copy)
			r = try_open(dirfd, path, flags & ~O_NOFOLLOW, mode);
		else if (!(flags & O_CREAT))
			r = try_open(dirfd, path, flags, mode);
		errno = r >= 0 ? before : saved;
		if (r != -EXDEV && fd >= 0)
			sys1(close, fd);
		else if (r == -EXDEV && fd >= 0) /* it may be a real node (CUSE) */
			return after_kernel_open(fd, path, flags);
	}
	if (unlikely(r != -EXDEV))
		return r;
	if (unlikely(fd < 0))
		return -errno;
	return path[0] == '/' ? opened_elsewhere(fd, path, flags) : fd;
}

#define OPEN(dirfd, path, flags, mode, real)                                             \
	({                                                                               \
		const int before_ = errno;                                               \
		int fd_ = -EXDEV;                                                        \
                                                                                         \
		if (unlikely((flags)&O_CREAT))                                           \
			fd_ = try_create(dirfd, path, flags, mode);                      \
		if (likely(fd_ == -EXDEV))                                               \
			fd_ = after_open(real, before_, dirfd, path, flags, mode);       \
		(int)shim_ret(fd_);                                                      \
	})

static mode_t mode_of(int flags, va_list ap)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t)
								   : 0;
}

SHIM_EXPORT int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return OPEN(AT_FDCWD, path, flags, mode, REAL(open)(path, flags, mode));
}

SHIM_EXPORT int open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return OPEN(AT_FDCWD, path, flags, mode, REAL(open64)(path, flags, mode));
}

SHIM_EXPORT int openat(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return OPEN(dirfd, path, flags, mode, REAL(openat)(dirfd, path, flags, mode));
}

SHIM_EXPORT int openat64(int dirfd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return OPEN(dirfd, path, flags, mode, REAL(openat64)(dirfd, path, flags, mode));
}

SHIM_EXPORT int __open_2(const char *path, int flags)
{
	return OPEN(AT_FDCWD, path, flags, 0, REAL(__open_2)(path, flags));
}

SHIM_EXPORT int __open64_2(const char *path, int flags)
{
	return OPEN(AT_FDCWD, path, flags, 0, REAL(__open64_2)(path, flags));
}

SHIM_EXPORT int __openat_2(int dirfd, const char *path, int flags)
{
	return OPEN(dirfd, path, flags, 0, REAL(__openat_2)(dirfd, path, flags));
}

SHIM_EXPORT int __openat64_2(int dirfd, const char *path, int flags)
{
	return OPEN(dirfd, path, flags, 0, REAL(__openat64_2)(dirfd, path, flags));
}

SHIM_EXPORT int creat(const char *path, mode_t mode)
{
	return OPEN(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode,
		    REAL(creat)(path, mode));
}

SHIM_EXPORT int creat64(const char *path, mode_t mode)
{
	return OPEN(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode,
		    REAL(creat64)(path, mode));
}

/**
 * shim_open() - do what openat(2) does, for syscall(2)
 * @dirfd, @path, @flags, @mode:	openat's arguments
 *
 * Return: a descriptor, which the caller must close, or -1 with errno set.
 */
int shim_open(int dirfd, const char *path, int flags, mode_t mode)
{
	return OPEN(dirfd, path, flags, mode, REAL(openat)(dirfd, path, flags, mode));
}

/* struct open_how, as in linux/openat2.h, which may not be installed. */
struct how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

#define RESOLVE_IN_ROOT 0x10

/**
 * shim_open_how() - do what openat2(2) does
 * @dirfd, @path:	openat2's first arguments
 * @arg:		its struct open_how; the pointer may be bad
 * @size:		bytes in @arg
 *
 * The kernel goes first: it checks the flags and applies the resolve rules up to the
 * point where the emulated tree begins, where it finds nothing.
 *
 * Return: a descriptor, which the caller must close, or a negative errno.
 */
int shim_open_how(int dirfd, const char *path, const void *arg, size_t size)
{
	const struct how *how = arg;
	int fd = -ENOENT;
	int r;

	if (!shim_may_look(arg) || size < sizeof(*how) || !(how->flags & O_CREAT))
		fd = (int)sys4(openat2, dirfd, path, how, size);
	if (fd >= 0 && !shim_has_word(path))
		return path[0] == '/' ? opened_elsewhere(fd, path, (int)how->flags) : fd;
	if (fd != -ENOENT && fd < 0)
		return fd;
	if (how->resolve & RESOLVE_IN_ROOT)
		while (*path == '/')
			path++;
	r = try_open(dirfd, path, (int)how->flags, (mode_t)how->mode);
	if (r == -EXDEV) /* not an emulated file */
		return fd != -ENOENT || !(how->flags & O_CREAT)
			       ? fd
			       : (int)sys4(openat2, dirfd, path, how, size);
	if (fd >= 0)
		sys1(close, fd);
	return r;
}

SHIM_EXPORT int openat2(int dirfd, const char *path, const struct open_how *how,
			size_t size)
{
	return (int)shim_ret(shim_open_how(dirfd, path, how, size));
}

/**
 * shim_open_redirect() - find the path at which libc must open a file
 * @path:	the program's path
 * @buf:	receives the path in the runtime directory
 *
 * Async-signal-safe, but needs 12 KiB of stack.
 *
 * Return: @buf, or NULL if @path does not lead to an emulated file.
 */
SHIM_COLD const char *shim_open_redirect(const char *path, char buf[PATH_MAX])
{
	const char *other = shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf);

	return other == path ? NULL : other;
}

/* The child opens inside libc, so libc gets the path in the runtime directory. */
SHIM_EXPORT int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions,
						 int fd, const char *path, int flags,
						 mode_t mode)
{
	char buf[PATH_MAX];
	const char *other = shim_has_word(path) ? shim_open_redirect(path, buf) : NULL;

	return REAL(posix_spawn_file_actions_addopen)(actions, fd, other ? other : path,
						      flags, mode);
}

SHIM_EXPORT int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions,
						     const char *path)
{
	char buf[PATH_MAX];
	const char *other = shim_has_word(path) ? shim_open_redirect(path, buf) : NULL;

	return REAL(posix_spawn_file_actions_addchdir_np)(actions, other ? other : path);
}
