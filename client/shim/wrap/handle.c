/* SPDX-License-Identifier: BSD-2-Clause */
/* Wrap name_to_handle_at(2) and open_by_handle_at(2). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "libcore/kernel.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

#define HANDLE_MNT_ID_UNIQUE 0x001
#define HANDLE_CONNECTABLE   0x002
#define HANDLE_FID           0x200

/* True if the emulated kernel does not know one of the flags yet. */
static bool has_unknown_flag(const struct shim_session *s, int flags)
{
	const enum dax_kernel kernel = dax_state_kernel(s->state);

	return (flags & (HANDLE_MNT_ID_UNIQUE | HANDLE_FID) &&
		!dax_kernel_has(kernel, DAX_RULE_HANDLE_FID)) ||
	       (flags & HANDLE_CONNECTABLE &&
		!dax_kernel_has(kernel, DAX_RULE_HANDLE_CONNECTABLE));
}

/*
 * Corrects an answer for the daemon's file. /dev can be exported, so that a node has a
 * handle, and sysfs can't: its files have only one that can't be opened. A hugetlbfs,
 * where root's nodes are, has only these, too.
 */
static SHIM_COLD int handle_ours(int dirfd, const char *path, struct file_handle *handle,
				 int *mount, int flags, int r)
{
	struct stat st;
	enum shim_kind kind;

	if (sys4(newfstatat, dirfd, path, &st, flags & AT_EMPTY_PATH) < 0)
		return r;
	kind = shim_ident_stat(&st).kind;
	if (kind == SHIM_NODE && r < 0 && errno == EOPNOTSUPP &&
	    !(flags & HANDLE_CONNECTABLE))
		return REAL(name_to_handle_at)(dirfd, path, handle, mount,
					       flags | HANDLE_FID);
	if ((kind == SHIM_ATTR || (S_ISDIR(st.st_mode) && *path)) && r == 0 &&
	    !(flags & HANDLE_FID))
		return (int)shim_ret(-EOPNOTSUPP);
	return r;
}

static SHIM_COLD int handle_of_word(int dirfd, const char *path,
				    struct file_handle *handle, int *mount, int flags)
{
	char buf[PATH_MAX];
	const char *ours = shim_path_redirect(dirfd, path,
					      flags & AT_SYMLINK_FOLLOW ? SHIM_FOLLOW
									: SHIM_NOFOLLOW,
					      buf);
	int r = REAL(name_to_handle_at)(dirfd, ours, handle, mount, flags);

	return ours == buf ? handle_ours(dirfd, ours, handle, mount, flags, r) : r;
}

static int to_handle(int dirfd, const char *path, struct file_handle *handle, int *mount,
		     int flags)
{
	const struct shim_session *s = shim_session();
	int r;

	if (s && unlikely(has_unknown_flag(s, flags)))
		return (int)shim_ret(-EINVAL);
	if (shim_has_word(path))
		return handle_of_word(dirfd, path, handle, mount, flags);
	r = REAL(name_to_handle_at)(dirfd, path, handle, mount, flags);
	if (unlikely(r == -1) && flags & AT_SYMLINK_FOLLOW &&
	    shim_was_dangling(dirfd, path, SHIM_FOLLOW))
		return handle_of_word(dirfd, path, handle, mount, flags);
	if (flags & AT_EMPTY_PATH && shim_may_look(path) && !*path &&
	    unlikely(!shim_ident_is_other(dirfd)))
		return handle_ours(dirfd, path, handle, mount, flags, r);
	return r;
}

SHIM_EXPORT int name_to_handle_at(int dirfd, const char *path, struct file_handle *handle,
				  int *mount, int flags)
{
	const int before = errno;
	const int r = to_handle(dirfd, path, handle, mount, flags);

	if (r == 0)
		errno = before; /* whatever was tried first */
	return r;
}

/* The new descriptor may be that of a device. */
SHIM_EXPORT int open_by_handle_at(int mount_fd, struct file_handle *handle, int flags)
{
	int r = REAL(open_by_handle_at)(mount_fd, handle, flags);

	shim_ident_forget(r);
	return r;
}
