/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tmpfs mounted with huge=always, for memory in pages of 2 MiB on any machine.
 *
 * The mount is never attached to a directory: the daemon has its descriptor, and nobody
 * else finds it. Root mounts it itself. Another user may mount in a user namespace
 * of his own only, so a child makes one, with a mount namespace, puts the descriptor into
 * the table that it shares with the daemon, and exits; the tmpfs goes on without it. The
 * kernel frees the tmpfs when the last of its files is neither open nor mapped.
 */
#include "cuse-daxd/store/huge_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cuse-daxd/base/util.h"

static int root = -1;   /* of the tmpfs, or a placeholder, see daxd_huge_fs_reserve() */
static bool is_mounted; /* it is the tmpfs */
static int why_not;     /* the negative errno if it can't be mounted here */

/* Return: a descriptor of the root directory, or a negative errno. */
static int mount_huge(void)
{
	/* size=0, nr_inodes=0: no limit, as a memfd has none. */
	static const char *const options[][2] = {
		{"huge", "always"}, {"size", "0"}, {"nr_inodes", "0"}, {"mode", "0700"}};
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
	size_t i;
	long fd;

	if (fs < 0)
		return -errno;
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options[i][0],
			    options[i][1], 0) < 0)
			return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
		     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	return fd < 0 ? -errno : (int)fd;
}

static int write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Put a descriptor where the tmpfs belongs. Return: 0 or a negative errno. */
static int put_root(int fd)
{
	return dup3(fd, root, O_CLOEXEC) < 0 ? -errno : 0;
}

/* Runs in the child, which shares the daemon's descriptors. Return: 0 or a negative errno. */
static int help(uid_t uid, gid_t gid)
{
	_cleanup_close_ int fd = -1;
	char map[64];
	int r;

	r = write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (r == 0)
		r = write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	if (r == 0)
		r = write_text("/proc/self/gid_map", map);
	if (r == 0)
		r = fd = mount_huge();
	return fd < 0 ? r : put_root(fd);
}

/* Mount it from a child in namespaces of its own. Return: 0 or a negative errno. */
static int mount_in_namespace(void)
{
	/* Neither a signal at its end nor a thread: only the wait below sees it. */
	const long flags = CLONE_VFORK | CLONE_FILES | CLONE_NEWUSER | CLONE_NEWNS;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	int pid = (int)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		syscall(SYS_exit_group, -help(uid, gid));
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static void mount_once(void)
{
	_cleanup_close_ int fd = mount_huge();
	int r = fd;

	if (fd >= 0)
		r = put_root(fd);
	else if (fd == -EPERM)
		r = mount_in_namespace();
	if (r == 0)
		is_mounted = true;
	else if (r != -EMFILE && r != -ENFILE)
		why_not = r;
}

/**
 * daxd_huge_fs_reserve() - reserve a descriptor for the tmpfs, which is not mounted yet
 *
 * Then the daemon has as many descriptors open before clients come as afterwards.
 */
void daxd_huge_fs_reserve(void)
{
	if (root < 0)
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/**
 * daxd_huge_fs_make_file() - create an empty file of huge pages without a link
 * @name:	the name that /proc/PID/maps shows
 *
 * Needs daxd_huge_fs_reserve(). The first call mounts the tmpfs, which takes less than a
 * millisecond.
 *
 * Return: a descriptor for reading and writing, owned by the caller; or a negative errno
 * if there is no such tmpfs here, or no descriptor is left.
 */
int daxd_huge_fs_make_file(const char *name)
{
	int fd;

	if (root >= 0 && !is_mounted && !why_not)
		mount_once();
	if (!is_mounted)
		return why_not ? why_not : -EMFILE;
	fd = openat(root, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (fd < 0)
		return -errno;
	unlinkat(root, name, 0);
	return fd;
}
