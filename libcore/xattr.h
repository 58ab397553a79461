/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of calls on the extended attributes of device nodes and of files in sysfs. */
#ifndef DAX_XATTR_H
#define DAX_XATTR_H

#include <stdbool.h>

enum dax_xattr_call {
	DAX_XATTR_GET,
	DAX_XATTR_SET, /* or remove */
};

/* The file that the call is about. */
struct dax_xattr_file {
	bool is_node; /* else of sysfs */
	bool may_write;
};

int dax_xattr_error(enum dax_xattr_call call, const struct dax_xattr_file *file,
		    const char *name, int error);

#endif
