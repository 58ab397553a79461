/* SPDX-License-Identifier: BSD-2-Clause */
/* The file system for libcore/trust.c, as the programs with a libc see it. */
#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "libcore/trust.h"

static inline int client_trust_stat(const char *path, struct dax_trust_file *ret)
{
	struct statx stx;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &stx) < 0)
		return -errno;
	*ret = (struct dax_trust_file){
		.mode = stx.stx_mode,
		.uid = stx.stx_uid,
		.dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
		.is_mount = stx.stx_attributes & STATX_ATTR_MOUNT_ROOT,
	};
	return 0;
}

static inline long client_trust_readlink(const char *path, char *buf, size_t size)
{
	ssize_t n = readlink(path, buf, size);

	return n < 0 ? -errno : n;
}

static inline bool client_trust_is_fuse(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) < 0 || fs.f_type == FUSE_SUPER_MAGIC;
}

static inline enum dax_trust_map client_trust_map(void)
{
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char text[4096] = "";

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
	}
	return dax_trust_map_parse(text);
}

/**
 * client_trust_check() - check whether this program can trust a directory
 * @t:		receives the result
 * @path:	the directory; may be relative
 * @use:	the kind of directory
 *
 * Return: as dax_trust_check().
 */
static inline int client_trust_check(struct dax_trust *t, const char *path,
				     enum dax_trust_use use)
{
	static const struct dax_trust_ops ops = {
		.stat = client_trust_stat,
		.readlink = client_trust_readlink,
		.is_fuse = client_trust_is_fuse,
		.map = client_trust_map,
	};
	char full[DAX_TRUST_PATH_MAX];
	size_t len = 0;

	t->ops = &ops;
	t->euid = geteuid();
	t->use = use;
	t->reason = DAX_TRUST_FAILED;
	if (path[0] == '/')
		return dax_trust_check(t, path);
	if (getcwd(full, sizeof(full)))
		len = strlen(full);
	if (len + 1 + strlen(path) >= sizeof(full))
		return -ENAMETOOLONG;
	full[len] = '/';
	strcpy(full + len + 1, path);
	return dax_trust_check(t, full);
}

#endif
