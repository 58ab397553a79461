/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of calls on the extended attributes of device nodes and of files in sysfs.
 *
 * Neither has any, and only root can give them some (trusted.*). The files of the emulator
 * are on file systems with other rules: a hugetlbfs knows no attributes, and the owner of a
 * file on tmpfs may add some (fs/xattr.c: xattr_permission(), xattr_resolve_name();
 * mm/shmem.c: shmem_xattr_handlers; fs/kernfs/inode.c: kernfs_xattr_handlers).
 */
#include "libcore/xattr.h"

#include <errno.h>
#include <string.h>

static bool begins_with(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int get_error(const struct dax_xattr_file *file, const char *name, int error)
{
	if (begins_with(name, "user.") || begins_with(name, "trusted."))
		return ENODATA;
	if (file->is_node && (!strcmp(name, "system.posix_acl_access") ||
			      !strcmp(name, "system.posix_acl_default")))
		return ENODATA;
	return error;
}

/* A node is a special file, which has no user.*; the mode protects the rest. */
static int set_error(const struct dax_xattr_file *file, const char *name, int error)
{
	if (begins_with(name, "trusted."))
		return error;
	if (file->is_node)
		return begins_with(name, "user.") ? EPERM : error;
	return file->may_write ? EOPNOTSUPP : EACCES;
}

/**
 * dax_xattr_error() - tell how a call on an extended attribute ends
 * @call:	the call
 * @file:	the file
 * @name:	the attribute's name
 * @error:	errno of the call on the emulator's own file, or 0
 *
 * Return: the errno; 0 if the call succeeds.
 */
int dax_xattr_error(enum dax_xattr_call call, const struct dax_xattr_file *file,
		    const char *name, int error)
{
	if (call == DAX_XATTR_SET)
		return set_error(file, name, error);
	/* The kernel checks the name and the program's pointers first. */
	return error == EOPNOTSUPP || error == ENODATA ? get_error(file, name, error)
						       : error;
}
