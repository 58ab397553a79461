/* SPDX-License-Identifier: BSD-2-Clause */
/* Files and memfds of stores: open, create, seal them; survive that one is truncated. */
#include "cuse-daxd/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/systemd.h"
#include "cuse-daxd/base/util.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3; older ones say EINVAL */
#endif

/* Check that the directory of a new file exists and is writable. */
static int check_parent(const struct daxd_store *store, struct daxd_why *why)
{
	g_autofree char *dir = g_path_get_dirname(store->path);

	if (access(dir, F_OK) < 0)
		return daxd_fail(why, errno,
				 "%s: the directory %s can't be used: %s "
				 "(make it, or check backing=)",
				 store->path, dir, strerror(errno));
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
		return daxd_fail(why, errno,
				 "%s: no file can be made in %s: %s (give "
				 "uid %u write permission, or check backing=)",
				 store->path, dir, strerror(errno), geteuid());
	return 0;
}

/**
 * daxd_file_is_planted() - check whether another user may have put a file there
 * @dir:	descriptor of the file's directory
 * @owner:	of the file
 *
 * As fs.protected_regular does (fs/namei.c: may_create_in_sticky()): in a sticky
 * directory that others may write to, the daemon uses only its own files, and those of
 * the directory's owner.
 *
 * Return: true if it may.
 */
bool daxd_file_is_planted(int dir, uid_t owner)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return true;
	return st.st_mode & S_ISVTX && st.st_mode & (S_IWGRP | S_IWOTH) &&
	       owner != geteuid() && owner != st.st_uid;
}

/* The directory in which a file really is, whatever links its path has. */
static int check_place(const struct daxd_store *store, int fd, const struct stat *st,
		       struct daxd_why *why)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autofree char *real = g_file_read_link(link, NULL);
	g_autofree char *parent = g_path_get_dirname(real ? real : store->path);
	_cleanup_close_ int dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || !daxd_file_is_planted(dir, st->st_uid))
		return 0;
	return daxd_fail(
		why, EACCES,
		"%s: belongs to uid %u, and %s is a sticky directory that others "
		"may write to: that user could change it (chown it to uid %u, or "
		"move it)",
		store->path, st->st_uid, parent, geteuid());
}

/**
 * daxd_file_open() - open the file of a store if it exists
 * @store:	with a path; receives the descriptor, or keeps -1 if there is no file
 * @why:	receives the reason of a failure
 *
 * Return: 0, also if there is no file but one can be created; or a negative errno.
 */
int daxd_file_open(struct daxd_store *store, struct daxd_why *why)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	/* O_NONBLOCK: a FIFO must not block the daemon. */
	fd = open(store->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return check_parent(store, why);
	if (fd < 0 && errno == EISDIR)
		return daxd_fail(why, EISDIR,
				 "%s: is a directory (backing= needs the "
				 "path of a file, which need not exist)",
				 store->path);
	if (fd < 0)
		return daxd_fail(why, errno,
				 "%s: can't be opened for reading and "
				 "writing: %s (check its mode and owner; the daemon "
				 "runs as uid %u)",
				 store->path, strerror(errno), geteuid());
	if (fstat(fd, &st) < 0)
		return daxd_fail(why, errno, "%s: fstat: %s", store->path,
				 strerror(errno));
	if (!S_ISREG(st.st_mode))
		return daxd_fail(why, EINVAL,
				 "%s: is not a regular file (check "
				 "backing=)",
				 store->path);
	r = check_place(store, fd, &st, why);
	if (r < 0)
		return r;
	store->rw = TAKE_FD(fd);
	return 0;
}

/**
 * daxd_file_create() - create the file that daxd_file_open() did not find
 * @store:	with a path; receives the descriptor
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_file_create(struct daxd_store *store, struct daxd_why *why)
{
	store->rw = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (store->rw < 0)
		return daxd_fail(why, errno,
				 "%s: can't be made: %s (check the "
				 "directory)",
				 store->path, strerror(errno));
	store->is_mine = true;
	return 0;
}

/**
 * daxd_file_open_ro() - open the second descriptor of a store, for reading only
 * @store:	its first descriptor is open
 * @why:	receives the reason of a failure
 *
 * Does not use the path, which may name another file by now.
 *
 * Return: 0 or a negative errno.
 */
int daxd_file_open_ro(struct daxd_store *store, struct daxd_why *why)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", store->rw);
	store->ro = open(link, O_RDONLY | O_CLOEXEC);
	if (store->ro < 0)
		return daxd_fail(why, errno,
				 "%s: can't be opened for reading through "
				 "/proc/self/fd: %s (mount /proc)",
				 store->name, strerror(errno));
	return 0;
}

/**
 * daxd_file_make_memfd() - create a memfd that is not executable
 * @name:	for /proc/PID/maps
 * @flags:	of memfd_create(2)
 *
 * The kernel logs a warning about every memfd that may be executable.
 *
 * Return: the descriptor, or -1 and errno.
 */
int daxd_file_make_memfd(const char *name, unsigned int flags)
{
	int fd = memfd_create(name, flags | MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags | MFD_CLOEXEC);
	return fd;
}

/* Memory of the daemon before that was found: name -> descriptor + 1. */
static GHashTable *offered;

static void close_offered(gpointer value)
{
	close(GPOINTER_TO_INT(value) - 1);
}

/**
 * daxd_file_offer() - offer memory of the daemon before to the store of its name
 * @name:	the store's
 * @fd:		open for reading and writing; now owned by this file
 *
 * The caller has checked that it is the memory that the daemon before had.
 */
void daxd_file_offer(const char *name, int fd)
{
	if (!offered)
		offered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						close_offered);
	g_hash_table_replace(offered, g_strdup(name), GINT_TO_POINTER(fd + 1));
}

/**
 * daxd_file_offer_done() - close all offered memory that no store has taken
 */
void daxd_file_offer_done(void)
{
	g_clear_pointer(&offered, g_hash_table_unref);
}

/* Return: the descriptor, now owned by the caller, or -1 if none of this name is left. */
static int take_offered(const char *name)
{
	gpointer value;
	gpointer key;

	if (!offered || !g_hash_table_steal_extended(offered, name, &key, &value))
		return -1;
	g_free(key);
	return GPOINTER_TO_INT(value) - 1;
}

/**
 * daxd_file_take_back() - take the memory of the daemon before
 * @store:	of kind memory or hugetlb; receives its descriptors
 * @magic:	of its file system, as statfs(2) says
 * @page:	the size of its pages, in bytes; 0: any
 * @why:	why not
 *
 * systemd has kept it, or it was found in a process that uses it (reclaim.c).
 *
 * Return: 1 if there is one and it fits, 0 if there is none, or a negative errno.
 */
int daxd_file_take_back(struct daxd_store *store, unsigned long magic, uint64_t page,
			struct daxd_why *why)
{
	_cleanup_close_ int fd = daxd_systemd_take(store->name);
	const bool is_of_systemd = fd >= 0;
	struct statfs fs;
	struct stat st;
	int r;

	if (fd < 0)
		fd = take_offered(store->name);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != store->size ||
	    (page && (uint64_t)st.st_blksize != page) || st.st_uid != geteuid() ||
	    fstatfs(fd, &fs) < 0 || (unsigned long)fs.f_type != magic) {
		daxd_warning("%s: is not what it was before the restart: its bytes are "
			     "lost, continuing with new ones",
			     store->name);
		daxd_systemd_forget(store->name);
		return 0;
	}
	store->rw = TAKE_FD(fd);
	/* Its mode forbids open, also to the daemon unless that has CAP_DAC_OVERRIDE. */
	if (fchmod(store->rw, 0400) < 0)
		return daxd_fail(why, errno, "%s: fchmod: %s", store->name,
				 strerror(errno));
	r = daxd_file_open_ro(store, why);
	if (r < 0)
		return r;
	if (fchmod(store->rw, 0) < 0)
		return daxd_fail(why, errno, "%s: fchmod: %s", store->name,
				 strerror(errno));
	store->is_taken_back = true;
	store->is_handed_over = is_of_systemd;
	return 1;
}

/**
 * daxd_file_seal() - fix the size of a memfd, and let nobody open it again
 * @store:	of kind memory or hugetlb; receives the descriptor for reading
 * @why:	why not
 *
 * Afterwards only the owner can open it by way of /proc/PID/fd.
 */
int daxd_file_seal(struct daxd_store *store, struct daxd_why *why)
{
	int r;

	if (fcntl(store->rw, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return daxd_fail(why, errno, "%s: its memfd can't be sealed: %s",
				 store->name, strerror(errno));
	r = daxd_file_open_ro(store, why);
	if (r < 0)
		return r;
	if (fchmod(store->rw, 0) < 0)
		return daxd_fail(why, errno, "%s: fchmod: %s", store->name,
				 strerror(errno));
	return 0;
}

/*
 * A client with write access to a device can truncate its file, and then the daemon gets
 * SIGBUS when it accesses its own mapping. Only one thread of the daemon gets here.
 */
static sigjmp_buf on_sigbus;

static void catch_sigbus(int number)
{
	(void)number;
	siglongjmp(on_sigbus, 1);
}

/**
 * daxd_file_guard() - call a function that accesses a mapping of a file
 * @body:	the function
 * @ctx:	passed to @body
 *
 * Not thread-safe: it changes the handler of SIGBUS.
 *
 * Return: the result of @body, or -ENOSPC if the file was truncated meanwhile.
 */
int daxd_file_guard(int (*body)(void *ctx), void *ctx)
{
	struct sigaction catch = {.sa_handler = catch_sigbus};
	struct sigaction old;
	int r = -ENOSPC;

	sigaction(SIGBUS, &catch, &old);
	if (!sigsetjmp(on_sigbus, 1))
		r = body(ctx);
	sigaction(SIGBUS, &old, NULL);
	return r;
}
