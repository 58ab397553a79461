/* SPDX-License-Identifier: BSD-2-Clause */
/* The runtime directory: create it, lock it, map the state pages, remove it. */
#include "cuse-daxd/runtime/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/graft.h"
#include "libcore/state.h"
#include "libcore/trust.h"
#include "libcore/wire.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/runtime/gone.h"

#define LOCK_FILE  "lock"
#define MADE_MARK  "made"
#define STATE_KEPT DAX_STATE_FILE ".kept"

/* Everything that the daemon may have created there, except "lock", which goes last. */
static const char *const contents[] = {
	DAX_CONTROL_SOCKET,
	DAX_STATE_FILE,
	STATE_KEPT,
	"stores",
	"faults",
	DAXD_HANDLES,
	"sys",
	"proc",
	/* left by a daemon that was killed meanwhile */
	DAXD_NEW,
	"sys.new",
	/* left by daxrun, which creates the directory for the daemon and may be killed */
	"daxrun.conf",
	"daxrun.log",
	"daxrun.sock",
	/* made by clients */
	DAX_GRAFT_FOLDER,
};

/**
 * daxd_runtime_default_path() - get the default path of the runtime directory
 *
 * Return: the path, for the caller to g_free().
 */
char *daxd_runtime_default_path(void)
{
	const char *xdg = secure_getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return g_strdup(DAX_SYSTEM_DIR);
	if (xdg && xdg[0] == '/')
		return g_build_filename(xdg, "cuse-daxd", NULL);
	return g_strdup_printf("/tmp/cuse-daxd-%u", geteuid());
}

/*
 * In /tmp another user may have created the directory first. It must belong to the
 * daemon's user and must not be writable for others, who could replace files in it.
 */
static int check_owner(const struct daxd_runtime *rt, struct daxd_why *why)
{
	struct stat st;

	if (fstat(rt->dir, &st) < 0)
		return daxd_fail(why, errno, "%s: fstat: %s", rt->path, strerror(errno));
	if (st.st_uid != geteuid())
		return daxd_fail(why, EPERM,
				 "%s: belongs to uid %u, the daemon is uid "
				 "%u (remove it, or give another --runtime-dir)",
				 rt->path, st.st_uid, geteuid());
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return daxd_fail(why, EPERM,
				 "%s: others may write to it (chmod 0755 it, "
				 "or give another --runtime-dir)",
				 rt->path);
	return 0;
}

/*
 * A directory that a daemon has created has the sticky bit until the holder of the lock
 * has noted this in the lock file. The holder may be another daemon than the creator.
 */
static int open_dir(struct daxd_runtime *rt, bool *ret_is_new, struct daxd_why *why)
{
	g_autofree char *parent = g_path_get_dirname(rt->path);

	daxd_close_fd(&rt->parent);
	rt->parent = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*ret_is_new =
		rt->parent >= 0 && mkdirat(rt->parent, rt->name, 0755 | S_ISVTX) == 0;
	if (!*ret_is_new && (rt->parent < 0 || errno != EEXIST))
		return daxd_fail(why, errno,
				 "%s: can't be made: %s (make its parent, or "
				 "give another --runtime-dir)",
				 rt->path, strerror(errno));
	rt->dir = openat(rt->parent, rt->name,
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rt->dir < 0)
		return daxd_fail(why, errno,
				 "%s: is not a directory that can be used: "
				 "%s (give another --runtime-dir)",
				 rt->path, strerror(errno));
	return check_owner(rt, why);
}

static int fail_locked(const struct daxd_runtime *rt, struct daxd_why *why)
{
	char pid[32] = "";
	ssize_t n = pread(rt->lock, pid, sizeof(pid) - 1, 0);

	if (n > 0)
		pid[strcspn(pid, " \n")] = '\0';
	return daxd_fail(why, EBUSY,
			 "%s: is in use by the daemon with pid %s (stop it, or "
			 "give another --runtime-dir)",
			 rt->path, pid[0] ? pid : "?");
}

/* Return: 1 if the previous holder of the lock has removed the file meanwhile. */
static int is_stale(const struct daxd_runtime *rt)
{
	struct stat locked;
	struct stat named;

	if (fstat(rt->lock, &locked) < 0)
		return -errno;
	if (fstatat(rt->dir, LOCK_FILE, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 1 : -errno;
	return locked.st_ino != named.st_ino || locked.st_dev != named.st_dev;
}

static bool is_removed(const struct daxd_runtime *rt)
{
	struct stat st;

	return fstat(rt->dir, &st) == 0 && !st.st_nlink;
}

static int take_lock(struct daxd_runtime *rt, struct daxd_why *why)
{
	int r;

	do {
		daxd_close_fd(&rt->lock);
		rt->lock = openat(rt->dir, LOCK_FILE,
				  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (rt->lock < 0)
			return daxd_fail(why, errno,
					 "%s/%s: can't be made: %s (check "
					 "--runtime-dir)",
					 rt->path, LOCK_FILE, strerror(errno));
		if (flock(rt->lock, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK
				       ? fail_locked(rt, why)
				       : daxd_fail(why, errno, "%s/%s: flock: %s",
						   rt->path, LOCK_FILE, strerror(errno));
		r = is_stale(rt);
	} while (r > 0);
	return r < 0 ? daxd_fail(why, -r, "%s/%s: fstat: %s", rt->path, LOCK_FILE,
				 strerror(-r))
		     : 0;
}

/* Note the daemon's pid and, for after a crash, that a daemon created the directory. */
static int write_lock(struct daxd_runtime *rt, bool is_new, struct daxd_why *why)
{
	char text[64] = "";
	struct stat st;
	ssize_t n;
	int len;

	n = pread(rt->lock, text, sizeof(text) - 1, 0);
	if (n < 0) {
		rt->is_made = is_new;
		return daxd_fail(why, errno, "%s/" LOCK_FILE ": can't be read: %s",
				 rt->path, strerror(errno));
	}
	if (fstat(rt->dir, &st) < 0) {
		rt->is_made = is_new;
		return daxd_fail(why, errno, "%s: fstat: %s", rt->path, strerror(errno));
	}
	rt->is_made = st.st_mode & S_ISVTX || strstr(text, MADE_MARK);
	len = snprintf(text, sizeof(text), "%d%s\n", getpid(),
		       rt->is_made ? " " MADE_MARK : "");
	/* In this order, so that a daemon that is killed in between loses no mark. */
	if (pwrite(rt->lock, text, (size_t)len, 0) != len || ftruncate(rt->lock, len) < 0)
		return daxd_fail(why, EIO,
				 "%s/" LOCK_FILE ": can't be written (is there room?)",
				 rt->path);
	if (st.st_mode & S_ISVTX && fchmod(rt->dir, 0755) < 0)
		return daxd_fail(why, errno, "%s: fchmod: %s", rt->path, strerror(errno));
	return 0;
}

/* Take back the state pages that a daemon set aside when it stopped for a restart. */
static void take_kept_state(struct daxd_runtime *rt)
{
	if (faccessat(rt->dir, DAX_STATE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		unlinkat(rt->dir, STATE_KEPT, 0);
	else
		rt->is_stopped =
			renameat(rt->dir, STATE_KEPT, rt->dir, DAX_STATE_FILE) == 0;
}

/**
 * daxd_runtime_open() - create the runtime directory, if needed, and lock it
 * @rt:		zeroed; for daxd_runtime_close(), also after a failure
 * @path:	absolute; its parent exists
 * @why:	receives the reason of a failure
 *
 * Return: 0; -EBUSY: another daemon uses it; or another negative errno.
 */
int daxd_runtime_open(struct daxd_runtime *rt, const char *path, struct daxd_why *why)
{
	bool is_new = false;
	int r;

	*rt = (struct daxd_runtime){
		.path = g_strdup(path),
		.name = g_path_get_basename(path),
		.parent = -1,
		.dir = -1,
		.lock = -1,
		.state_fd = -1,
		.inotify = -1,
	};
	do {
		daxd_close_fd(&rt->dir);
		r = open_dir(rt, &is_new, why);
		if (r == 0)
			r = take_lock(rt, why);
		/* Try again if the previous daemon has removed it meanwhile. */
	} while (r == -ENOENT && rt->dir >= 0 && is_removed(rt));
	if (r == 0) {
		take_kept_state(rt);
		rt->is_recovered = faccessat(rt->dir, DAX_STATE_FILE, F_OK,
					     AT_SYMLINK_NOFOLLOW) == 0;
		return write_lock(rt, is_new, why);
	}
	/* Not ours: leave everything as it is. If it is new, it is empty. */
	rt->is_made = false;
	if (is_new)
		unlinkat(rt->parent, rt->name, AT_REMOVEDIR);
	daxd_close_fd(&rt->lock);
	return r;
}

/* Allocate blocks up to @end, so that a full disk does not cause SIGBUS later. */
static int reserve_state(struct daxd_runtime *rt, uint64_t end)
{
	const uint64_t step = 64 << 10;
	uint64_t start = rt->state_reserved;

	if (end <= start)
		return 0;
	end = MIN((end + step - 1) & ~(step - 1), sizeof(struct dax_state));
	if (fallocate(rt->state_fd, 0, (off_t)start, (off_t)(end - start)) < 0 &&
	    errno != EOPNOTSUPP)
		return -errno;
	rt->state_reserved = end;
	return 0;
}

static int map_state(struct daxd_runtime *rt)
{
	void *map = mmap(NULL, sizeof(struct dax_state), PROT_READ | PROT_WRITE,
			 MAP_SHARED, rt->state_fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	rt->state = map;
	return 0;
}

/*
 * Reuse the state pages of a daemon that died, if they are intact and have this version:
 * its clients still have them mapped.
 */
static int reuse_state(struct daxd_runtime *rt)
{
	_cleanup_close_ int fd = -1;
	char link[64];
	struct stat st;
	int r;

	fd = openat(rt->dir, DAX_STATE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (uint64_t)st.st_size != sizeof(struct dax_state))
		return -EBADMSG;
	/* Its mode forbids writing, also to the daemon unless that runs as root. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (fchmod(fd, 0644) < 0)
		return -errno;
	rt->state_fd = open(link, O_RDWR | O_CLOEXEC);
	r = rt->state_fd < 0 || fchmod(fd, 0444) < 0 ? -errno : map_state(rt);
	if (r == 0)
		r = dax_state_check(rt->state, sizeof(struct dax_state));
	rt->is_recovered = r == 0;
	if (r < 0) {
		if (rt->state)
			munmap(rt->state, sizeof(struct dax_state));
		rt->state = NULL;
		daxd_close_fd(&rt->state_fd);
	}
	return r;
}

static int make_state(struct daxd_runtime *rt)
{
	int r;

	daxd_runtime_remove_tree(rt->dir, DAXD_NEW);
	rt->state_fd = openat(rt->dir, DAXD_NEW,
			      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
	if (rt->state_fd < 0)
		return -errno;
	if (fchmod(rt->state_fd, 0444) < 0 ||
	    ftruncate(rt->state_fd, sizeof(struct dax_state)) < 0)
		return -errno;
	r = reserve_state(rt, offsetof(struct dax_state, slots));
	if (r == 0)
		r = map_state(rt);
	if (r < 0)
		return r;
	dax_state_init(rt->state);
	rt->is_recovered = false;
	if (renameat(rt->dir, DAXD_NEW, rt->dir, DAX_STATE_FILE) == 0)
		return 0;
	/* A directory is in its place. */
	r = daxd_runtime_remove_tree(rt->dir, DAX_STATE_FILE);
	if (r == 0 && renameat(rt->dir, DAXD_NEW, rt->dir, DAX_STATE_FILE) < 0)
		r = -errno;
	return r;
}

/**
 * daxd_runtime_open_state() - map the existing state pages, or create new ones
 * @rt:		open
 * @why:	receives the reason of a failure
 *
 * The numbers in new state pages (major and so on) are 0.
 *
 * Return: 0 or a negative errno.
 */
int daxd_runtime_open_state(struct daxd_runtime *rt, struct daxd_why *why)
{
	int r;

	r = reuse_state(rt);
	if (r == -EBADMSG || r == -EPROTO)
		daxd_warning("%s/%s: is damaged or has another version, making a new "
			     "one; programs that use it lose their devices",
			     rt->path, DAX_STATE_FILE);
	if (r < 0)
		r = make_state(rt);
	if (r < 0)
		return daxd_fail(why, -r,
				 "%s/%s: can't be made: %s (check the room and "
				 "the permissions there)",
				 rt->path, DAX_STATE_FILE, strerror(-r));
	return 0;
}

/**
 * daxd_runtime_take_slot() - reserve a slot in the state pages for a device
 * @rt:		with state pages
 * @ret_slot:	receives the slot, for dax_state_publish()
 *
 * Return: 0, -ENOSPC (no slot, no room on the disk) or another errno.
 */
int daxd_runtime_take_slot(struct daxd_runtime *rt, uint32_t *ret_slot)
{
	int slot = dax_state_take_slot(rt->state);
	int r;

	if (slot < 0)
		return slot;
	r = reserve_state(rt, offsetof(struct dax_state, slots[slot + 1]));
	if (r < 0)
		return r;
	*ret_slot = (uint32_t)slot;
	return 0;
}

/**
 * daxd_runtime_reserve_faults() - reserve room in the state pages for fault rules
 * @rt:		with state pages
 *
 * Return: 0, -ENOSPC (no room on the disk) or another errno.
 */
int daxd_runtime_reserve_faults(struct daxd_runtime *rt)
{
	if (fallocate(rt->state_fd, 0, offsetof(struct dax_state, faults),
		      sizeof(struct dax_state_faults)) < 0 &&
	    errno != EOPNOTSUPP)
		return -errno;
	return 0;
}

/**
 * daxd_runtime_mkdir() - create and open a directory in the runtime directory
 * @rt:		open
 * @name:	"dev"; the directory may exist already
 * @why:	receives the reason of a failure
 *
 * Return: its descriptor, for the caller to close, or a negative errno.
 */
int daxd_runtime_mkdir(struct daxd_runtime *rt, const char *name, struct daxd_why *why)
{
	int fd;

	if (mkdirat(rt->dir, name, 0755) < 0 && errno != EEXIST)
		return daxd_fail(why, errno,
				 "%s/%s: can't be made: %s (check the room "
				 "there)",
				 rt->path, name, strerror(errno));
	fd = openat(rt->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return daxd_fail(why, errno, "%s/%s: can't be opened: %s (remove it)",
				 rt->path, name, strerror(errno));
	return fd;
}

/**
 * daxd_runtime_write() - create or replace a file atomically
 * @rt:		open
 * @name:	path of the file in the runtime directory
 * @mode:	of the file, regardless of the umask
 * @data:	the content
 * @len:	bytes of it
 *
 * Return: 0 or a negative errno.
 */
int daxd_runtime_write(struct daxd_runtime *rt, const char *name, uint32_t mode,
		       const void *data, size_t len)
{
	_cleanup_close_ int fd = -1;
	ssize_t n = 0;

	daxd_runtime_remove_tree(rt->dir, DAXD_NEW);
	fd = openat(rt->dir, DAXD_NEW,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
	if (fd < 0)
		return -errno;
	if (len)
		n = write(fd, data, len);
	if (n != (ssize_t)len)
		return n < 0 ? -errno : -ENOSPC;
	/* After the write, which clears set-id bits unless the daemon runs as root. */
	if (mode & ~0777U && fchmod(fd, mode) < 0)
		return -errno;
	return renameat(rt->dir, DAXD_NEW, rt->dir, name) < 0 ? -errno : 0;
}

static int remove_entry(int dir, const char *name, int type);

/* An entry in the format of getdents64(2). */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* There are a few hundred files to remove, so use as few system calls as possible. */
static void remove_entries(int dir)
{
	char buf[4096] __attribute__((aligned(8)));
	long n;

	while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		const char *p = buf;

		while (p < buf + n) {
			const struct entry *entry = (const struct entry *)p;

			p += entry->len;
			if (entry->type != DT_DIR ||
			    (strcmp(entry->name, ".") && strcmp(entry->name, "..")))
				remove_entry(dir, entry->name, entry->type);
		}
	}
}

static int remove_dir(int dir, const char *name)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statx stx;

	if (fd < 0)
		return -errno;
	/* The content of a file system that is mounted here is not ours. */
	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) == 0 &&
	    stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return -EBUSY;
	remove_entries(fd);
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int remove_entry(int dir, const char *name, int type)
{
	if (type != DT_DIR && (unlinkat(dir, name, 0) == 0 || errno == ENOENT))
		return 0;
	return remove_dir(dir, name);
}

/**
 * daxd_runtime_remove_tree() - remove a file, a link, or a directory with its contents
 * @dir:	descriptor of the parent directory
 * @name:	its name; it need not exist
 *
 * Return: 0 or a negative errno.
 */
int daxd_runtime_remove_tree(int dir, const char *name)
{
	return remove_entry(dir, name, DT_UNKNOWN);
}

/* Unmount the file system of the handles (handle_fs.c), if there is one. */
static void unmount_handles(const struct daxd_runtime *rt)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/" DAXD_HANDLES, rt->dir);
	umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

static void remove_contents(struct daxd_runtime *rt, enum daxd_leave leave)
{
	const bool is_left = leave == DAXD_LEAVE_STATE &&
			     renameat(rt->dir, DAX_STATE_FILE, rt->dir, STATE_KEPT) == 0;
	unsigned int i;

	unmount_handles(rt);
	for (i = 0; i < G_N_ELEMENTS(contents); i++) {
		if ((is_left && (!strcmp(contents[i], STATE_KEPT) ||
				 !strcmp(contents[i], "stores"))) ||
		    (rt->has_socket && !strcmp(contents[i], DAX_CONTROL_SOCKET)))
			continue;
		daxd_runtime_remove_tree(rt->dir, contents[i]);
	}
	unlinkat(rt->dir, LOCK_FILE, 0);
	/* Fails if there is still something in it: then the next daemon removes it. */
	if (rt->is_made &&
	    (daxd_gone_is(rt) || unlinkat(rt->parent, rt->name, AT_REMOVEDIR) < 0) &&
	    fchmod(rt->dir, 0755 | S_ISVTX) < 0)
		daxd_debug("%s: stays: %s", rt->path, strerror(errno));
}

/**
 * daxd_runtime_close() - remove the daemon's files and release the directory
 * @rt:		as daxd_runtime_open() left it
 * @leave:	the files that stay for the next start
 *
 * Removes nothing if the directory is not locked. The lock file goes last, so that a
 * daemon that waits for the lock finds the directory empty.
 */
void daxd_runtime_close(struct daxd_runtime *rt, enum daxd_leave leave)
{
	daxd_gone_unwatch(rt);
	if (rt->state)
		munmap(rt->state, sizeof(struct dax_state));
	rt->state = NULL;
	daxd_close_fd(&rt->state_fd);
	if (rt->lock >= 0 && leave != DAXD_LEAVE_ALL)
		remove_contents(rt, leave);
	daxd_close_fd(&rt->lock);
	daxd_close_fd(&rt->dir);
	daxd_close_fd(&rt->parent);
	g_clear_pointer(&rt->path, g_free);
	g_clear_pointer(&rt->name, g_free);
}
