/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap the functions on paths that wrap.def declares with PATH() and PATH_ASK(). */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/process/path.h"
#include "client/shim/memory/lockdown.h"
#include "client/shim/wrap/wrap.h"

#define FOLLOW               SHIM_FOLLOW
#define NOFOLLOW             SHIM_NOFOLLOW
#define FOLLOW_UNLESS(flags) ((flags)&AT_SYMLINK_NOFOLLOW ? SHIM_NOFOLLOW : SHIM_FOLLOW)

#define OURS(name, type, params, args, dirfd, follow)                                    \
	static SHIM_COLD type name##_ours params                                         \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
                                                                                         \
		path = shim_path_redirect(dirfd, path, follow, buf);                     \
		return REAL(name) args;                                                  \
	}

#define PATH_ASK(name, type, params, args, dirfd, follow)                                \
	OURS(name, type, params, args, dirfd, follow)                                    \
                                                                                         \
	SHIM_EXPORT type name params                                                     \
	{                                                                                \
		const int before = errno;                                                \
		type r = REAL(name) args;                                                \
                                                                                         \
		if (shim_ask_again(r == -1, dirfd, path, follow))                        \
			return SHIM_AGAIN(before, name##_ours args);                     \
		return r;                                                                \
	}

#define PATH(name, type, params, args, dirfd, follow)                                    \
	OURS(name, type, params, args, dirfd, follow)                                    \
                                                                                         \
	SHIM_EXPORT type name params                                                     \
	{                                                                                \
		return SHIM_BY_PATH(dirfd, path, follow, name##_ours args,               \
				    REAL(name) args);                                    \
	}
#define FD(...)
#define OWN(name)

#include "client/shim/wrap/wrap.def"

/*
 * After chroot(2), files outside the new root, and so the daemon, are out of reach; open
 * descriptors stay open.
 */
SHIM_EXPORT int chroot(const char *path)
{
	shim_lockdown_prepare();
	return REAL(chroot)(path);
}
