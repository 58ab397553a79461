/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The folder of the handles.
 *
 * The shim refuses to write to a handle, but there are ways round the shim: the streams of
 * libc, io_uring, a descriptor inherited by a program without the shim. So root's daemon
 * puts the handles on a file system of their own that cannot store a byte:
 *
 *  - a hugetlbfs of size 0. Its files have no write operation, so that every write is
 *    EINVAL, as on the real device; they can neither be mapped nor allocated, and have no
 *    extended attributes. It takes no page of the pool, which may be empty.
 *  - where that cannot be mounted (in a user namespace), or gives no lease, which tells
 *    whether a handle is open (since 7.0 a file system gives leases only if its files say so,
 *    fs/locks.c: kernel_setlease()): a tmpfs whose only page is taken. A write is ENOSPC.
 *
 * A daemon that is killed leaves the mount, and its handles, to the next one.
 *
 * Without the right to mount, handles are files of the runtime directory. No file that
 * every program can open by its path refuses bytes there, so the daemon watches the
 * folder, and truncates a handle as soon as something is written to it.
 */
#include "cuse-daxd/frontend/handle_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/runtime/runtime.h"

/* The file that takes the only page of a tmpfs. Clients do not see names with a dot. */
#define FULL ".full"

/* A file that is there for a moment. */
#define PROBE ".lease"

/* More than there are handles. They also limit extended attributes, to 1 KiB for each. */
#define TMPFS_INODES 4096

/* Blocks of 512 bytes that a file may have without content: for extended attributes. */
#define OTHER_BLOCKS 256

/* Handles in the runtime directory: their folder, and the watch for writes to them. */
static struct {
	int dir;
	int inotify;
	guint source;
	bool is_told;
} watch = {.dir = -1, .inotify = -1};

/* True if the process that started the daemon sees what the daemon mounts. */
static bool is_visible;

/**
 * daxd_handle_fs_init() - find out if mounts of the daemon can be seen by others
 *
 * Call in the process that was started, whose parent is the starter. A daemon in a mount
 * namespace of its own (systemd's PrivateMounts=) would hide its handles in a mount.
 */
void daxd_handle_fs_init(void)
{
	struct stat starter;
	struct stat own;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", getppid());
	is_visible = stat(path, &starter) == 0 && stat("/proc/self/ns/mnt", &own) == 0 &&
		     starter.st_ino == own.st_ino && starter.st_dev == own.st_dev;
}

/* Take the only page of a tmpfs. Return: true if nothing fits in any more. */
static bool fill(int dir)
{
	_cleanup_close_ int fd =
		openat(dir, FULL, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	return fd >= 0 && pwrite(fd, "", 1, 0) == 1 &&
	       pwrite(fd, "", 1, getpagesize()) < 0 && errno == ENOSPC;
}

/* True if files of a directory can have leases. */
static bool has_leases(int dir)
{
	_cleanup_close_ int fd =
		openat(dir, PROBE, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	unlinkat(dir, PROBE, 0);
	return fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
}

static int open_dir(const struct daxd_runtime *rt)
{
	return openat(rt->dir, DAXD_HANDLES,
		      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Mount a file system that stores nothing. Return: its directory, or -1. */
static int mount_at(const struct daxd_runtime *rt, const char *path, const char *type)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	const bool is_tmpfs = !strcmp(type, "tmpfs");
	char options[64] = "mode=0755,size=0,pagesize=2M";
	int fd;

	if (is_tmpfs)
		snprintf(options, sizeof(options), "mode=0755,size=%d,nr_inodes=%d",
			 getpagesize(), TMPFS_INODES);
	if (mount("cuse-daxd", path, type, flags, options) < 0)
		return -1;
	fd = open_dir(rt);
	if (fd >= 0 && (is_tmpfs ? fill(fd) : has_leases(fd)))
		return fd;
	daxd_close_fd(&fd);
	umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	return -1;
}

/* Return: the directory of a new mount, or -1 if none is possible. */
static int mount_new(const struct daxd_runtime *rt)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/" DAXD_HANDLES, rt->dir);
	fd = mount_at(rt, path, "hugetlbfs");
	return fd < 0 ? mount_at(rt, path, "tmpfs") : fd;
}

static void truncate_handle(const char *name)
{
	_cleanup_close_ int fd =
		openat(watch.dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	/* The truncate is an event as well: do not answer it with another one. */
	if (!st.st_size && st.st_blocks <= OTHER_BLOCKS)
		return;
	if (ftruncate(fd, 0) == 0 && !watch.is_told)
		daxd_warning("%s: a program without the shim has written to this handle; "
			     "such bytes are thrown away, continuing",
			     name);
	watch.is_told = true;
}

static gboolean on_written(gint fd, GIOCondition condition, gpointer data)
{
	char buf[sizeof(struct inotify_event) + NAME_MAX + 1]
		__attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event = (const struct inotify_event *)buf;

	(void)condition;
	(void)data;
	/* One event a turn: a program that writes without end delays nobody. */
	if (read(fd, buf, sizeof(buf)) >= (ssize_t)sizeof(*event) && event->len)
		truncate_handle(event->name);
	return G_SOURCE_CONTINUE;
}

static void start_watch(int dir)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	watch.inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch.inotify < 0 ||
	    inotify_add_watch(watch.inotify, path, IN_MODIFY | IN_ONLYDIR) < 0) {
		daxd_debug("writes to handles can't be watched: %s", strerror(errno));
		daxd_handle_fs_done();
		return;
	}
	watch.dir = dir;
	watch.source = g_unix_fd_add(watch.inotify, G_IO_IN, on_written, NULL);
}

/**
 * daxd_handle_fs_done() - watch the handles no longer
 */
void daxd_handle_fs_done(void)
{
	if (watch.source)
		g_source_remove(watch.source);
	watch.source = 0;
	daxd_close_fd(&watch.inotify);
	watch.dir = -1;
}

/* True if the folder of the handles is not a part of the runtime directory's own. */
static bool is_mounted(const struct daxd_runtime *rt, const struct stat *st)
{
	struct stat parent;

	return fstat(rt->dir, &parent) == 0 && parent.st_dev != st->st_dev;
}

/**
 * daxd_handle_fs_open() - make the folder of the handles, and open it
 * @rt:		the runtime directory; receives the device number of the handles
 * @why:	receives the reason of a failure
 *
 * Keeps the folder of a daemon that died, with its handles.
 *
 * Return: a descriptor, for the caller to close after daxd_handle_fs_done(), or a
 * negative errno.
 */
int daxd_handle_fs_open(struct daxd_runtime *rt, struct daxd_why *why)
{
	/* Fails if it is mounted, or if there are handles in it. */
	const bool is_new =
		unlinkat(rt->dir, DAXD_HANDLES, AT_REMOVEDIR) == 0 || errno == ENOENT;
	int fd = daxd_runtime_mkdir(rt, DAXD_HANDLES, why);
	struct stat st;
	int mounted;

	if (fd < 0)
		return fd;
	mounted = is_new && is_visible ? mount_new(rt) : -1;
	if (mounted >= 0) {
		close(fd);
		fd = mounted;
	}
	if (fstat(fd, &st) < 0) {
		daxd_fail(why, errno, "%s/" DAXD_HANDLES ": fstat: %s", rt->path,
			  strerror(errno));
		daxd_close_fd(&fd);
		return -EIO;
	}
	rt->handle_dev = st.st_dev;
	if (!is_mounted(rt, &st))
		start_watch(fd);
	return fd;
}
