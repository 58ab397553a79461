/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap mount(2), whose source may be a device, as in `mount --bind /dev/dax0.0 FILE`. That
 * binds the handle, which by any name is the device.
 *
 * Targets are the kernel's: it finds no emulated name.
 *
 * bwrap makes its mounts after pivot_root(2), as /oldroot/dev/dax0.0 on /newroot/dev/dax0.0.
 * The programs in such a sandbox need the runtime directory as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

static SHIM_COLD bool is_ours(const char *source, char buf[PATH_MAX])
{
	return shim_path_redirect(AT_FDCWD, source, SHIM_FOLLOW, buf) == buf;
}

/*
 * Gives the runtime directory to the sandbox that gets a device, if it lacks it. This changes
 * only the sandbox: without pivot_root(2), the mounts may be the machine's.
 * @target: where the device is now.
 */
static void bind_runtime(const char *target)
{
	const struct shim_session *s = shim_session();
	size_t len = strlen(target);
	char path[PATH_MAX];
	char *p;

	while (len && target[--len] != '/')
		;
	if (!s->root_len || len < 4 || memcmp(target + len - 4, "/dev", 4))
		return;
	len -= 4; /* target[0, len) is the root directory of the sandbox */
	if (len + sizeof(s->dir) > sizeof(path))
		return;
	memcpy(path, target, len);
	memcpy(path + len, s->dir + s->root_len, s->dir_len - s->root_len + 1);
	if (sys3(faccessat, AT_FDCWD, path, F_OK) == 0)
		return;
	for (p = path + len + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		sys3(mkdirat, AT_FDCWD, path, 0755);
		*p = '/';
	}
	sys3(mkdirat, AT_FDCWD, path, 0755);
	sys5(mount, s->dir, path, NULL, MS_BIND | MS_REC, NULL);
}

/* The same with an emulated file as the source, after the kernel did not find it. */
static SHIM_COLD int mount_ours(const char *source, const char *target, const char *type,
				unsigned long flags, const void *data)
{
	char buf[PATH_MAX];
	int r;

	if (!is_ours(source, buf))
		return (int)shim_ret(-ENOENT);
	if (flags & MS_BIND) {
		r = REAL(mount)(buf, target, type, flags, data);
		if (r == 0)
			bind_runtime(target);
		return r;
	}
	/* The source was looked for after the target (fs/super.c: get_tree_bdev()). */
	if (sys3(faccessat, AT_FDCWD, target, F_OK) == 0)
		errno = ENOTBLK;
	return -1;
}

SHIM_EXPORT int mount(const char *source, const char *target, const char *type,
		      unsigned long flags, const void *data)
{
	const int before = errno;
	const int r = REAL(mount)(source, target, type, flags, data);

	if (unlikely(r == -1) && errno == ENOENT && !(flags & MS_REMOUNT) &&
	    shim_ask_again(true, AT_FDCWD, source, SHIM_FOLLOW))
		return SHIM_AGAIN(before, mount_ours(source, target, type, flags, data));
	return r;
}

/* Reads a directory's path without links. Return: its length, or a negative errno. */
static long real_path(const char *path, char buf[PATH_MAX])
{
	const long fd = sys3(openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	long n = fd;

	if (fd >= 0) {
		n = shim_path_of_fd((int)fd, buf);
		sys1(close, fd);
	}
	return n;
}

/*
 * Finds the path of the old root directory after pivot_root(2). Return: a part of @buf; ""
 * if that is not below the new root, as with `pivot_root . .`.
 */
static const char *path_of_old(const char *new_root, const char *put_old,
			       char buf[PATH_MAX])
{
	char top[PATH_MAX];
	const long n = real_path(new_root, top);

	if (n <= 0 || real_path(put_old, buf) < 0 || strncmp(buf, top, (size_t)n) ||
	    buf[n] != '/')
		return "";
	return buf + n;
}

SHIM_EXPORT int pivot_root(const char *new_root, const char *put_old)
{
	char buf[PATH_MAX];
	const char *old;
	int r;

	if (!shim_session())
		return REAL(pivot_root)(new_root, put_old);
	old = path_of_old(new_root, put_old, buf);
	r = REAL(pivot_root)(new_root, put_old);
	if (r == 0)
		shim_session_move_root(old);
	return r;
}
