/* SPDX-License-Identifier: BSD-2-Clause */
/* Redirect paths of emulated files to the runtime directory, and translate them back. */
#ifndef SHIM_PATH_H
#define SHIM_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum shim_follow {
	SHIM_FOLLOW,
	SHIM_NOFOLLOW, /* do not follow a link in the last component, as lstat(2) */
};

const char *shim_path_redirect(int dirfd, const char *path, enum shim_follow follow,
			       char buf[PATH_MAX]);
ssize_t shim_path_unredirect(char *path, size_t len);
ssize_t shim_path_of_fd(int fd, char buf[PATH_MAX]);
bool shim_path_is_dangling(int dirfd, const char *path);
bool shim_path_is_copy(int dirfd, const char *path);
bool shim_path_is_readable(const char *path);
bool shim_path_is_shared_dir(int dirfd, const char *path, char extra[PATH_MAX]);
bool shim_path_hides_blocks(const char *extra);

#endif
