/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wrap the functions that return the status of files and file systems, and access(2).
 *
 * The kernel returns the status of the daemon's file, which is then changed to that of
 * the node or attribute for which the file stands. On 64-bit machines, struct stat and
 * struct stat64 are the same, and the same as the kernel's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/path.h"
#include "libcore/stat.h"
#include "libcore/state.h"

#include "client/shim/base/compiler.h"
#include "client/shim/base/real.h"
#include "client/shim/base/sys.h"
#include "client/shim/process/ident.h"
#include "client/shim/process/own_fd.h"
#include "client/shim/process/path.h"
#include "client/shim/process/session.h"
#include "client/shim/wrap/wrap.h"

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "64 bit only");
_Static_assert(sizeof(struct statfs) == sizeof(struct statfs64), "64 bit only");

#define SYSFS_MAGIC 0x62656572
#define TMPFS_MAGIC 0x01021994 /* also that of devtmpfs */

#ifndef STATX_ATTR_DAX
#define STATX_ATTR_DAX 0x200000
#endif

static void fix_stat(struct stat *st)
{
	struct shim_ident id = shim_ident_stat(st);

	if (unlikely(id.kind != SHIM_OTHER))
		shim_ident_fix_stat(&id, st);
}

/*
 * Fixes the stat of a path in the runtime directory. Directories and links of sysfs have
 * size 0. A directory's st_dev stays that of its descriptors, which fstat(2) shows: find
 * compares the two on its way up.
 */
static void fix_below(const char *path, struct stat *st)
{
	const struct shim_session *s = shim_session_if_known();

	fix_stat(st);
	if ((S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode)) && s &&
	    !strncmp(path + s->dir_len, "/sys/", 5)) {
		if (!S_ISDIR(st->st_mode))
			st->st_dev = s->state->sysfs_dev;
		st->st_size = 0;
		st->st_blocks = 0;
	}
}

static int fstatat_ours(int dirfd, const char *path, struct stat *st, int flags);

static bool may_be_copy(const struct stat *st)
{
	return S_ISLNK(st->st_mode) && st->st_size == DAX_PATH_COPY_LEN;
}

/* Fixes the stat of a link that stands for a node: owner and times stay those of the link. */
static SHIM_COLD void fix_copy(int dirfd, const char *path, struct stat *st)
{
	const int before = errno;
	struct stat node;

	if (shim_path_is_copy(dirfd, path) && fstatat_ours(dirfd, path, &node, 0) == 0 &&
	    S_ISCHR(node.st_mode)) {
		st->st_mode = node.st_mode;
		st->st_rdev = node.st_rdev;
		st->st_size = 0;
		st->st_blocks = 0;
	}
	errno = before;
}

/* Fixes what the kernel has returned for a path of the program. */
static void fix_stat_of(int dirfd, const char *path, struct stat *st)
{
	fix_stat(st);
	if (unlikely(may_be_copy(st)))
		fix_copy(dirfd, path, st);
}

#define FOLLOW               SHIM_FOLLOW
#define NOFOLLOW             SHIM_NOFOLLOW
#define FOLLOW_UNLESS(flags) ((flags)&AT_SYMLINK_NOFOLLOW ? SHIM_NOFOLLOW : SHIM_FOLLOW)

/* For paths: calls libc with the path in the runtime directory, and fixes the result. */
#define STAT(name, params, args, dirfd, follow)                                          \
	static SHIM_COLD int name##_ours params                                          \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
		int r;                                                                   \
                                                                                         \
		path = shim_path_redirect(dirfd, path, follow, buf);                     \
		r = REAL(name) args;                                                     \
		if (r == 0 && path == buf)                                               \
			fix_below(path, AS_STAT(st));                                    \
		else if (r == 0)                                                         \
			fix_stat_of(dirfd, path, AS_STAT(st));                           \
		return r;                                                                \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		const int before = errno;                                                \
		int r = REAL(name) args;                                                 \
                                                                                         \
		if (shim_ask_again(r != 0, dirfd, path, follow))                         \
			return SHIM_AGAIN(before, name##_ours args);                     \
		if (likely(r == 0))                                                      \
			fix_stat_of(dirfd, path, AS_STAT(st));                           \
		if (likely(r == 0) && unlikely(is_own_fd(dirfd, path)))                  \
			r = (int)shim_ret(*path ? -ENOENT : -EBADF);                     \
		return r;                                                                \
	}

#define FSTAT(name, params, args)                                                        \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		int r;                                                                   \
                                                                                         \
		if (unlikely(shim_own_fd_is(fd)))                                        \
			return (int)shim_ret(-EBADF);                                    \
		r = REAL(name) args;                                                     \
		if (likely(r == 0))                                                      \
			fix_stat(AS_STAT(st));                                           \
		return r;                                                                \
	}

/* True if the file is a descriptor of the shim's, by its path or with an empty one. */
static bool is_own_fd(int dirfd, const char *path)
{
	return path && (*path ? shim_own_fd_is_path(dirfd, path) : shim_own_fd_is(dirfd));
}

#define AS_STAT(st) ((struct stat *)(void *)(st))

STAT(stat, (const char *path, struct stat *st), (path, st), AT_FDCWD, FOLLOW)
STAT(stat64, (const char *path, struct stat64 *st), (path, st), AT_FDCWD, FOLLOW)
STAT(lstat, (const char *path, struct stat *st), (path, st), AT_FDCWD, NOFOLLOW)
STAT(lstat64, (const char *path, struct stat64 *st), (path, st), AT_FDCWD, NOFOLLOW)
STAT(fstatat, (int dirfd, const char *path, struct stat *st, int flags),
     (dirfd, path, st, flags), dirfd, FOLLOW_UNLESS(flags))
STAT(fstatat64, (int dirfd, const char *path, struct stat64 *st, int flags),
     (dirfd, path, st, flags), dirfd, FOLLOW_UNLESS(flags))
FSTAT(fstat, (int fd, struct stat *st), (fd, st))
FSTAT(fstat64, (int fd, struct stat64 *st), (fd, st))

/* Used instead of these by programs that were built with glibc before 2.33. */
STAT(__xstat, (int ver, const char *path, struct stat *st), (ver, path, st), AT_FDCWD,
     FOLLOW)
STAT(__xstat64, (int ver, const char *path, struct stat64 *st), (ver, path, st), AT_FDCWD,
     FOLLOW)
STAT(__lxstat, (int ver, const char *path, struct stat *st), (ver, path, st), AT_FDCWD,
     NOFOLLOW)
STAT(__lxstat64, (int ver, const char *path, struct stat64 *st), (ver, path, st),
     AT_FDCWD, NOFOLLOW)
STAT(__fxstatat, (int ver, int dirfd, const char *path, struct stat *st, int flags),
     (ver, dirfd, path, st, flags), dirfd, FOLLOW_UNLESS(flags))
STAT(__fxstatat64, (int ver, int dirfd, const char *path, struct stat64 *st, int flags),
     (ver, dirfd, path, st, flags), dirfd, FOLLOW_UNLESS(flags))
FSTAT(__fxstat, (int ver, int fd, struct stat *st), (ver, fd, st))
FSTAT(__fxstat64, (int ver, int fd, struct stat64 *st), (ver, fd, st))

/*
 * True if the program's user owns the emulated attributes. That user is what root is on a
 * real machine, and the mode of a file never refuses root.
 */
static bool is_root_of(const char *path, int mode)
{
	struct stat st;

	return !(mode & X_OK) && sys4(newfstatat, AT_FDCWD, path, &st, 0) == 0 &&
	       shim_ident_stat(&st).kind == SHIM_ATTR &&
	       st.st_uid == (uid_t)sys0(geteuid);
}

/* True for a node: a read-only mount does not keep from writing to a device (fs/open.c). */
static bool is_node(const char *path)
{
	struct stat st;

	return sys4(newfstatat, AT_FDCWD, path, &st, 0) == 0 &&
	       shim_ident_stat(&st).kind == SHIM_NODE;
}

/* True if a real machine would allow what the kernel has refused here with an errno. */
static bool is_allowed(const char *path, int mode, int error)
{
	return (error == EACCES && is_root_of(path, mode)) ||
	       (error == EROFS && is_node(path));
}

/* True if only the marks of an attribute make it look executable (attrmode.h). */
static bool is_marked(const char *path, int mode)
{
	struct stat st;

	return mode & X_OK && sys4(newfstatat, AT_FDCWD, path, &st, 0) == 0 &&
	       shim_ident_stat(&st).kind == SHIM_ATTR;
}

#define ACCESS(name, params, args, dirfd, follow)                                        \
	static SHIM_COLD int name##_ours params                                          \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
		int r;                                                                   \
                                                                                         \
		path = shim_path_redirect(dirfd, path, follow, buf);                     \
		r = REAL(name) args;                                                     \
		if (r < 0 && path == buf && is_allowed(path, mode, errno))               \
			r = 0;                                                           \
		if (r == 0 && path == buf && is_marked(path, mode)) {                    \
			errno = EACCES;                                                  \
			r = -1;                                                          \
		}                                                                        \
		return r;                                                                \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int name params                                                      \
	{                                                                                \
		const int before = errno;                                                \
		int r = REAL(name) args;                                                 \
                                                                                         \
		if (shim_ask_again(r == -1, dirfd, path, follow))                        \
			return SHIM_AGAIN(before, name##_ours args);                     \
		if (r == 0 && unlikely(shim_own_fd_is_path(dirfd, path)))                \
			r = (int)shim_ret(-ENOENT);                                      \
		return r;                                                                \
	}

ACCESS(access, (const char *path, int mode), (path, mode), AT_FDCWD, FOLLOW)
ACCESS(eaccess, (const char *path, int mode), (path, mode), AT_FDCWD, FOLLOW)
ACCESS(euidaccess, (const char *path, int mode), (path, mode), AT_FDCWD, FOLLOW)
ACCESS(faccessat, (int dirfd, const char *path, int mode, int flags),
       (dirfd, path, mode, flags), dirfd, FOLLOW_UNLESS(flags))

#define MNT_ID_UNIQUE 0x4000U /* STATX_MNT_ID_UNIQUE of Linux 6.8 */
#define MNT_ID        (STATX_MNT_ID | MNT_ID_UNIQUE)
#define END_OF_MNT_ID (offsetof(struct statx, stx_mnt_id) + sizeof(uint64_t))

/*
 * Sets what depends on the file system: the mount, which is that of /dev or /sys, and the
 * time of birth, which /dev has and sysfs has not.
 */
static SHIM_COLD void fix_fs(struct statx *stx, bool is_node, unsigned int mask)
{
	struct statx fs;

	if (!dax_kernel_has(shim_session_kernel(), DAX_RULE_MNT_ID_UNIQUE)) {
		stx->stx_mask &= ~MNT_ID_UNIQUE;
		mask = (mask & ~MNT_ID_UNIQUE) | STATX_MNT_ID;
	}
	/* Direct I/O, subvolumes and atomic writes are of the file systems of disks. */
	stx->stx_mask &= STATX_BASIC_STATS | STATX_BTIME | MNT_ID;
	memset((char *)stx + END_OF_MNT_ID, 0, sizeof(*stx) - END_OF_MNT_ID);

	if (mask & MNT_ID &&
	    sys5(statx, AT_FDCWD, is_node ? "/dev" : "/sys", 0, mask & MNT_ID, &fs) == 0)
		stx->stx_mnt_id = fs.stx_mnt_id;
	if (is_node && mask & STATX_BTIME) {
		stx->stx_btime = stx->stx_mtime;
		stx->stx_mask |= STATX_BTIME;
	} else {
		stx->stx_mask &= ~STATX_BTIME;
	}
}

/* Gives a statx what a fixed stat tells about the type and the size. */
static void set_type(struct statx *stx, const struct stat *st)
{
	stx->stx_mode = (uint16_t)st->st_mode;
	stx->stx_rdev_major = major(st->st_rdev);
	stx->stx_rdev_minor = minor(st->st_rdev);
	stx->stx_size = (uint64_t)st->st_size;
	stx->stx_blocks = 0;
}

/*
 * Fixes a statx from the kernel. The kernel fills in type and mode of emulated files
 * whatever the mask.
 */
static void fix_statx(struct statx *stx, unsigned int mask)
{
	struct stat st = {.st_mode = stx->stx_mode,
			  .st_ino = stx->stx_ino,
			  .st_dev = makedev(stx->stx_dev_major, stx->stx_dev_minor),
			  .st_rdev = makedev(stx->stx_rdev_major, stx->stx_rdev_minor)};
	struct shim_ident id = shim_ident_stat(&st);
	struct dax_device dev;

	if (likely(id.kind == SHIM_OTHER))
		return;
	if (id.kind == SHIM_NODE) {
		dax_state_read(id.session->state, id.slot, &dev);
		stx->stx_attributes |=
			dax_stat_attributes(&dev, shim_ident_was_opened(id.slot));
	}
	fix_fs(stx, id.kind == SHIM_NODE, mask);
	shim_ident_fix_stat(&id, &st);
	set_type(stx, &st);
	stx->stx_dev_major = major(st.st_dev);
	stx->stx_dev_minor = minor(st.st_dev);
	stx->stx_blksize = 4096;
}

/* The same for a path of the program's, which may be a link that stands for a node. */
static void fix_statx_of(int dirfd, const char *path, struct statx *stx,
			 unsigned int mask)
{
	struct stat st = {.st_mode = stx->stx_mode, .st_size = (off_t)stx->stx_size};

	fix_statx(stx, mask);
	if (likely(!may_be_copy(&st)))
		return;
	fix_copy(dirfd, path, &st);
	if (!S_ISLNK(st.st_mode))
		set_type(stx, &st);
}

static SHIM_COLD int statx_ours(int dirfd, const char *path, int flags, unsigned int mask,
				struct statx *stx)
{
	char buf[PATH_MAX];
	int r;

	path = shim_path_redirect(dirfd, path,
				  flags & AT_SYMLINK_NOFOLLOW ? SHIM_NOFOLLOW
							      : SHIM_FOLLOW,
				  buf);
	r = REAL(statx)(dirfd, path, flags, mask, stx);
	if (r == 0)
		fix_statx_of(dirfd, path, stx, mask);
	if (r == 0 && path == buf && !S_ISREG(stx->stx_mode) && !S_ISCHR(stx->stx_mode))
		fix_fs(stx, false, mask);
	return r;
}

SHIM_EXPORT int statx(int dirfd, const char *path, int flags, unsigned int mask,
		      struct statx *stx)
{
	enum shim_follow follow =
		flags & AT_SYMLINK_NOFOLLOW ? SHIM_NOFOLLOW : SHIM_FOLLOW;
	const int before = errno;
	int r;

	if (shim_has_word(path))
		return statx_ours(dirfd, path, flags, mask, stx);
	r = REAL(statx)(dirfd, path, flags, mask, stx);
	if (likely(r == 0) && unlikely(is_own_fd(dirfd, path)))
		r = (int)shim_ret(*path ? -ENOENT : -EBADF);
	else if (likely(r == 0))
		fix_statx_of(dirfd, path, stx, mask);
	else if (shim_was_dangling(dirfd, path, follow))
		r = SHIM_AGAIN(before, statx_ours(dirfd, path, flags, mask, stx));
	return r;
}

/* Return: the magic number of the emulated file system that a path is on, or 0. */
static long fs_magic(const char *path)
{
	const struct shim_session *s = shim_session_if_known();

	if (!s || strncmp(path, s->dir, s->dir_len))
		return 0;
	path += s->dir_len;
	return !strncmp(path, "/sys/", 5)   ? SYSFS_MAGIC
	       : !strncmp(path, "/dev/", 5) ? TMPFS_MAGIC
					    : 0;
}

/* The store may have blocks of 2 MiB; the file systems that it stands for have pages. */
static void fix_statfs(struct statfs *fs, long magic)
{
	fs->f_type = magic;
	fs->f_bsize = DAX_PAGE;
	fs->f_frsize = DAX_PAGE;
}

static int statfs_fixed(const char *path, struct statfs *fs, int r)
{
	if (r == 0 && fs_magic(path))
		fix_statfs(fs, fs_magic(path));
	return r;
}

/* True if a descriptor is a directory of the emulated sysfs. */
static SHIM_COLD bool is_sysfs_dir(int fd)
{
	const struct shim_session *s = shim_session_if_known();
	char path[PATH_MAX];
	struct stat st;

	return sys2(fstat, fd, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_dev == s->state->runtime_dev && shim_path_of_fd(fd, path) >= 0 &&
	       fs_magic(path) == SYSFS_MAGIC;
}

static int fstatfs_fixed(int fd, struct statfs *fs, int r)
{
	if (unlikely(shim_own_fd_is(fd)))
		return (int)shim_ret(-EBADF);
	if (r == 0 && unlikely(!shim_ident_is_other(fd))) {
		switch (shim_ident_fd(fd).kind) {
		case SHIM_NODE:
			fix_statfs(fs, TMPFS_MAGIC);
			break;
		case SHIM_ATTR:
			fix_statfs(fs, SYSFS_MAGIC);
			break;
		case SHIM_OWN:
		case SHIM_OTHER:
		default:
			break;
		}
	}
	if (r == 0 && unlikely(shim_session_if_known()) && is_sysfs_dir(fd))
		fs->f_type = SYSFS_MAGIC;
	return r;
}

#define STATFS(name, type)                                                               \
	static SHIM_COLD int name##_ours(const char *path, type *fs)                     \
	{                                                                                \
		char buf[PATH_MAX];                                                      \
                                                                                         \
		path = shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf);             \
		return statfs_fixed(path, AS_STATFS(fs), REAL(name)(path, fs));          \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int name(const char *path, type *fs)                                 \
	{                                                                                \
		const int before = errno;                                                \
		int r = REAL(name)(path, fs);                                            \
                                                                                         \
		if (shim_ask_again(r < 0, AT_FDCWD, path, SHIM_FOLLOW))                  \
			return SHIM_AGAIN(before, name##_ours(path, fs));                \
		return r;                                                                \
	}                                                                                \
                                                                                         \
	SHIM_EXPORT int f##name(int fd, type *fs)                                        \
	{                                                                                \
		return fstatfs_fixed(fd, AS_STATFS(fs), REAL(f##name)(fd, fs));          \
	}

#define AS_STATFS(fs) ((struct statfs *)(void *)(fs))

STATFS(statfs, struct statfs)
STATFS(statfs64, struct statfs64)

/* statvfs(3) returns no type. */
static SHIM_COLD int statvfs_ours(const char *path, struct statvfs *fs)
{
	char buf[PATH_MAX];
	int r;

	path = shim_path_redirect(AT_FDCWD, path, SHIM_FOLLOW, buf);
	r = REAL(statvfs)(path, fs);
	if (r == 0 && fs_magic(path)) {
		fs->f_bsize = DAX_PAGE;
		fs->f_frsize = DAX_PAGE;
	}
	return r;
}

#define STATVFS(name, type)                                                              \
	SHIM_EXPORT int name(const char *path, struct type *fs)                          \
	{                                                                                \
		struct statvfs *same = (struct statvfs *)(void *)fs;                     \
                                                                                         \
		return SHIM_BY_PATH(AT_FDCWD, path, SHIM_FOLLOW,                         \
				    statvfs_ours(path, same), REAL(name)(path, fs));     \
	}

STATVFS(statvfs, statvfs)
STATVFS(statvfs64, statvfs64)
