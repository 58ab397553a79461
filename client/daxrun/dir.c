/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runtime directories: make one, find one, remove one.
 *
 * daxrun may run as root in another user's environment (su, sudo -E). So it uses no
 * directory in which that user could put another one in its place, and it removes what
 * it has made through descriptors, never by name.
 */
#include "client/daxrun/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "libcore/trust.h"
#include "libcore/wire.h"

#include "client/base/trust.h"
#include "client/daxrun/util.h"

static struct dax_trust trust;

/* Return: NULL if a directory can be trusted, or the reason, for the caller to free(3). */
static char *distrust(const char *path, enum dax_trust_use use)
{
	int r = client_trust_check(&trust, path, use);
	char *why;
	size_t len;

	if (r == 0)
		return NULL;
	if (trust.reason <= DAX_TRUST_FAILED)
		return run_format("%s: %s", path, strerror(-r));
	len = dax_trust_text(&trust, (char[1]){""}, 1);
	why = run_alloc(len + 1);
	dax_trust_text(&trust, why, len + 1);
	return why;
}

/* Make a directory below @base. Return: true, or false and errno. */
static bool make_below(const char *base, char path[RUN_DIR_LEN])
{
	int fd;

	snprintf(path, RUN_DIR_LEN, "%s/daxrun.XXXXXX", base);
	if (!mkdtemp(path))
		return false;
	/*
	 * The command may have another user's identity: setpriv, su. The sticky bit tells
	 * the daemon to remove the directory.
	 */
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 01755) == 0) {
		close(fd);
		return true;
	}
	if (fd >= 0)
		close(fd);
	rmdir(path);
	return false;
}

#define DIR_BYTES (4 << 20) /* a device's files need 100 KiB, those of 20 devices 2 MiB */
#define DIR_FILES 4000

/* True if a runtime directory fits there. */
static bool has_room(const char *dir)
{
	struct statvfs st;

	return statvfs(dir, &st) == 0 && st.f_bavail * st.f_frsize >= DIR_BYTES &&
	       (!st.f_files || st.f_favail >= DIR_FILES);
}

/**
 * run_dir_make() - make the runtime directory of a private daemon
 * @path:	receives its name
 *
 * Memory is better than a disk: a sysfs tree is a few hundred small files. A place that is
 * too small, as /dev/shm can be in a container, is used only if there is no other.
 */
void run_dir_make(char path[RUN_DIR_LEN])
{
	const char *bases[] = {getenv("XDG_RUNTIME_DIR"), "/dev/shm", getenv("TMPDIR"),
			       "/tmp"};
	const size_t nr = sizeof(bases) / sizeof(bases[0]);
	char *tried = run_strdup("");
	size_t i;

	for (i = 0; i < 2 * nr; i++) {
		const char *base = bases[i % nr];
		char *why;
		char *more;

		if (!base || base[0] != '/' || strlen(base) > 64 ||
		    (i < nr && !has_room(base)))
			continue;
		why = distrust(base, DAX_TRUST_SHARED);
		if (!why && make_below(base, path)) {
			free(tried);
			return;
		}
		if (!why)
			why = run_format("%s: %s", base, strerror(errno));
		more = i < nr ? run_strdup(tried)
			      : run_format("%s%s%s", tried, *tried ? "; " : "", why);
		free(why);
		free(tried);
		tried = more;
	}
	run_die("no directory for temporary files in $XDG_RUNTIME_DIR, /dev/shm, "
		"$TMPDIR, /tmp: %s",
		tried);
}

/**
 * run_dir_hold() - open the directory that run_dir_make() has made
 * @d:		with its path
 *
 * Where this fails, run_dir_remove() leaves the directory to the daemon.
 */
void run_dir_hold(struct run_dir *d)
{
	char *slash = strrchr(d->path, '/');
	struct stat st;

	*slash = '\0';
	d->parent = open(d->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	d->fd = openat(d->parent, slash + 1,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->fd < 0 || (fstat(d->fd, &st) == 0 && st.st_uid == geteuid()))
		return;
	close(d->fd);
	d->fd = -1;
}

/* Open a directory to empty it; not another file system that is mounted there. */
static int open_to_empty(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statx stx;

	if (fd < 0)
		return -1;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) == 0 &&
	    !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return fd;
	close(fd);
	return -1;
}

/* Remove all that is in a directory, and close it. */
static void empty(int fd)
{
	struct dirent *entry;
	DIR *dir = fdopendir(fd);

	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		int sub;

		if (!strcmp(name, ".") || !strcmp(name, "..") ||
		    unlinkat(fd, name, 0) == 0)
			continue;
		sub = open_to_empty(fd, name);
		if (sub < 0)
			continue;
		empty(sub);
		unlinkat(fd, name, AT_REMOVEDIR);
	}
	closedir(dir);
}

/* Unmount the file system of the handles, which a killed daemon leaves (handle_fs.c). */
static void unmount_handles(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/dev", fd);
	umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/**
 * run_dir_remove() - remove a private daemon's directory with all that is in it
 * @d:		from run_dir_hold(); zeroed at the end
 *
 * Follows no link. If another directory has the name now, it stays.
 */
void run_dir_remove(struct run_dir *d)
{
	const char *slash = strrchr(d->path, '/');
	struct stat held;
	struct stat named;
	int fd;

	if (!slash || d->fd < 0)
		return;
	unmount_handles(d->fd);
	fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		empty(fd);
	if (fstat(d->fd, &held) == 0 &&
	    fstatat(d->parent, slash + 1, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    held.st_ino == named.st_ino && held.st_dev == named.st_dev)
		unlinkat(d->parent, slash + 1, AT_REMOVEDIR);
	close(d->fd);
	close(d->parent);
	memset(d, 0, sizeof(*d));
}

static bool is_daemon_at(const char *dir)
{
	char *path = run_format("%s/%s", dir, DAX_STATE_FILE);
	bool is_there = access(path, R_OK) == 0;

	free(path);
	return is_there;
}

static void use_wanted(const char *wanted, char path[RUN_DIR_LEN])
{
	char *why;

	if (!is_daemon_at(wanted))
		run_die("no cuse-daxd runs at '%s' (start one with --runtime-dir %s)",
			wanted, wanted);
	why = distrust(wanted, DAX_TRUST_RUNTIME);
	if (why)
		run_die("--connect=%s: %s", wanted, why);
	if (strlen(trust.path) >= RUN_DIR_LEN)
		run_die("the name of '%s' is too long", trust.path);
	strcpy(path, trust.path);
}

/**
 * run_dir_find_running() - find the daemon to connect to
 * @wanted:	its runtime directory; NULL: try the system's, then the user's
 * @path:	receives the directory
 *
 * Ends daxrun if there is none, or none in a directory that can be trusted.
 */
void run_dir_find_running(const char *wanted, char path[RUN_DIR_LEN])
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char candidates[3][RUN_DIR_LEN] = {DAX_SYSTEM_DIR};
	char *refused = NULL;
	int i;

	if (wanted) {
		use_wanted(wanted, path);
		return;
	}
	if (xdg && xdg[0] == '/')
		snprintf(candidates[1], RUN_DIR_LEN, "%s/cuse-daxd", xdg);
	snprintf(candidates[2], RUN_DIR_LEN, "/tmp/cuse-daxd-%u",
		 (unsigned int)geteuid());
	for (i = 0; i < 3; i++) {
		char *why;

		if (!candidates[i][0] || !is_daemon_at(candidates[i]))
			continue;
		why = distrust(candidates[i], DAX_TRUST_RUNTIME);
		if (!why) {
			strcpy(path, candidates[i]);
			return;
		}
		if (!refused)
			refused = why;
	}
	if (refused)
		run_die("no cuse-daxd runs that can be trusted: %s", refused);
	run_die("no cuse-daxd runs: looked in %s, %s%s%s (start one, name it as in "
		"--connect=DIR, or leave out --connect)",
		candidates[0], candidates[1], candidates[1][0] ? ", " : "",
		candidates[2]);
}
