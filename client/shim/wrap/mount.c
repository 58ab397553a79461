/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap mount(2), whose source may be a device, as in `mount --bind /dev/dax0.0 FILE`. That
 * binds the handle, which by any name is the device.
 *
 * Targets are the kernel's: it finds no emulated name.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <unistd.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/path.h"
#include "client/shim/wrap/wrap.h"

static SHIM_COLD bool is_ours(const char *source, char buf[PATH_MAX])
{
	return shim_path_redirect(AT_FDCWD, source, SHIM_FOLLOW, buf) == buf;
}

/* The same with an emulated file as the source, after the kernel did not find it. */
static SHIM_COLD int mount_ours(const char *source, const char *target, const char *type,
				unsigned long flags, const void *data)
{
	char buf[PATH_MAX];

	if (!is_ours(source, buf))
		return (int)shim_ret(-ENOENT);
	if (flags & MS_BIND)
		return REAL(mount)(buf, target, type, flags, data);
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
