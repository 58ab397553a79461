/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plain front end: handles, files of no content in RUNTIME/dev (handle_fs.c).
 *
 * A handle has the device's mode, owner and group, and the sticky bit, which means
 * nothing on a file: by it clients see at once that a file may be one of ours.
 */
#include "cuse-daxd/frontend/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/state.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/frontend/handle_fs.h"
#include "cuse-daxd/runtime/runtime.h"

/* The name of a handle until it is complete. Clients do not see names with a dot. */
#define NEW_HANDLE "." DAXD_NEW

static int plain_init(struct daxd_frontend *fe, struct daxd_why *why)
{
	fe->dir = daxd_handle_fs_open(fe->rt, why);
	if (fe->dir < 0)
		return fe->dir;
	/* Left by a daemon that was killed. */
	unlinkat(fe->dir, NEW_HANDLE, 0);
	return 0;
}

static int plain_set_perms(const struct daxd_frontend *fe, int fd,
			   const struct daxd_node *node, struct daxd_why *why)
{
	const struct daxd_perms *perms = &node->perms;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return daxd_fail(why, errno, "%s: fstat: %s", node->name,
				 strerror(errno));
	if (fchmod(fd, perms->mode | S_ISVTX) < 0)
		return daxd_fail(why, errno, "%s/dev/%s: fchmod: %s", fe->rt->path,
				 node->name, strerror(errno));
	if ((st.st_uid != perms->uid || st.st_gid != perms->gid) &&
	    fchown(fd, perms->uid, perms->gid) < 0)
		return daxd_fail(why, errno,
				 "%s: can't be given to uid %u and gid %u: "
				 "%s (run the daemon as root, or leave out owner and "
				 "group)",
				 node->name, perms->uid, perms->gid, strerror(errno));
	return 0;
}

/* True if the file of this name is still the handle. */
static bool is_kept(const struct daxd_frontend *fe, const char *name,
		    const struct dax_state_handle *handle)
{
	struct stat st;

	return handle->ino && fstatat(fe->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_ino == handle->ino &&
	       st.st_dev == handle->dev;
}

static int plain_change(struct daxd_frontend *fe, const struct daxd_node *node,
			struct daxd_why *why)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* Its mode may forbid open, but the owner can still change it. */
	fd = openat(fe->dir, node->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return daxd_fail(why, errno, "%s/dev/%s: can't be opened: %s",
				 fe->rt->path, node->name, strerror(errno));
	/* Own it for the moment, so that chmod needs no capability but CAP_CHOWN. */
	if ((fstat(fd, &st) == 0 && st.st_uid != geteuid() &&
	     fchownat(fd, "", geteuid(), (gid_t)-1, AT_EMPTY_PATH) < 0) ||
	    fchmodat(fe->dir, node->name, node->perms.mode | S_ISVTX, 0) < 0 ||
	    fchownat(fd, "", node->perms.uid, node->perms.gid, AT_EMPTY_PATH) < 0)
		return daxd_fail(why, errno,
				 "%s/dev/%s: its mode or owner can't be "
				 "changed: %s (run the daemon as root)",
				 fe->rt->path, node->name, strerror(errno));
	return 0;
}

static int plain_appear(struct daxd_frontend *fe, const struct daxd_node *node,
			struct dax_state_handle *handle, struct daxd_why *why)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (is_kept(fe, node->name, handle))
		return plain_change(fe, node, why);
	unlinkat(fe->dir, NEW_HANDLE, 0);
	fd = openat(fe->dir, NEW_HANDLE,
		    O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0)
		return daxd_fail(why, errno,
				 "%s/dev/%s: can't be made: %s (check the "
				 "room there)",
				 fe->rt->path, node->name, strerror(errno));
	r = plain_set_perms(fe, fd, node, why);
	if (r < 0)
		return r;
	/* A memory device of CXL: /dev/cxl/memN. */
	if (strchr(node->name, '/') && mkdirat(fe->dir, "cxl", 0755) < 0 &&
	    errno != EEXIST)
		return daxd_fail(why, errno, "%s/dev/cxl: can't be made: %s",
				 fe->rt->path, strerror(errno));
	/* The old one, if any, is there up to here: so the new has another number. */
	if (fstat(fd, &st) < 0 || renameat(fe->dir, NEW_HANDLE, fe->dir, node->name) < 0)
		return daxd_fail(why, errno, "%s/dev/%s: can't be made: %s", fe->rt->path,
				 node->name, strerror(errno));
	*handle = (struct dax_state_handle){.dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

static int plain_disappear(struct daxd_frontend *fe, const char *name)
{
	int fd = openat(fe->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	/* A client has a lease on it: plain_is_held() opens it later. */
	if (fd < 0 && errno == EWOULDBLOCK)
		fd = openat(fe->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	unlinkat(fe->dir, name, 0);
	return fd;
}

/* A write lease is given only to who alone has the file open. */
static bool plain_is_held(struct daxd_frontend *fe, int fd)
{
	_cleanup_close_ int other = -1;
	const int flags = fcntl(fd, F_GETFL);
	char link[64];

	(void)fe;
	if (flags >= 0 && flags & O_PATH) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		other = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (other < 0)
			return errno == EWOULDBLOCK;
		fd = other;
	}
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

static void plain_done(struct daxd_frontend *fe)
{
	daxd_handle_fs_done();
	daxd_close_fd(&fe->dir);
}

const struct daxd_frontend_ops daxd_plain_ops = {
	.name = "none",
	.init = plain_init,
	.appear = plain_appear,
	.change = plain_change,
	.disappear = plain_disappear,
	.is_held = plain_is_held,
	.done = plain_done,
};
