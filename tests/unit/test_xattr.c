/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of calls on extended attributes. */
#include <errno.h>

#include "libcore/xattr.h"

#include "tests/unit/tap.h"

static const struct dax_xattr_file node = {.is_node = true, .may_write = true};
static const struct dax_xattr_file mine = {.may_write = true};
static const struct dax_xattr_file theirs = {.may_write = false};

static void get(const struct dax_xattr_file *file, const char *name, int error, int want)
{
	is(dax_xattr_error(DAX_XATTR_GET, file, name, error), want, "get %s of a %s",
	   name, file->is_node ? "node" : "file in sysfs");
}

static void set(const struct dax_xattr_file *file, const char *name, int error, int want)
{
	is(dax_xattr_error(DAX_XATTR_SET, file, name, error), want, "set %s of a %s",
	   name, file->is_node ? "node" : "file in sysfs");
}

int main(void)
{
	get(&node, "user.x", EOPNOTSUPP, ENODATA);
	get(&node, "trusted.x", EOPNOTSUPP, ENODATA);
	get(&node, "system.posix_acl_access", EOPNOTSUPP, ENODATA);
	get(&node, "system.posix_acl_default", EOPNOTSUPP, ENODATA);
	get(&node, "nonsense", EOPNOTSUPP, EOPNOTSUPP);
	get(&node, "user.x", EFAULT, EFAULT);
	get(&node, "trusted.set", 0, 0);
	get(&theirs, "user.x", ENODATA, ENODATA);
	get(&theirs, "system.posix_acl_access", EOPNOTSUPP, EOPNOTSUPP);
	set(&node, "user.x", EOPNOTSUPP, EPERM);
	set(&node, "user.x", 0, EPERM);
	set(&node, "nonsense", EOPNOTSUPP, EOPNOTSUPP);
	set(&node, "trusted.x", 0, 0);
	set(&mine, "user.x", 0, EOPNOTSUPP);
	set(&mine, "nonsense", EOPNOTSUPP, EOPNOTSUPP);
	set(&theirs, "user.x", 0, EACCES);
	set(&theirs, "trusted.x", EPERM, EPERM);
	return tap_done();
}
