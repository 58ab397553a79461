/* SPDX-License-Identifier: BSD-2-Clause */
/* A node of the sysfs tree: a directory, an attribute or a link. */
#ifndef DAX_SYSFS_NODE_H
#define DAX_SYSFS_NODE_H

#include <stddef.h>
#include <stdint.h>

#define DAX_SYSFS_PATH_MAX 256
#define DAX_SYSFS_TEXT_MAX 4096

enum dax_sysfs_kind {
	DAX_SYSFS_DIR,
	DAX_SYSFS_FILE,
	DAX_SYSFS_LINK,
};

struct dax_sysfs_node {
	const char *path; /* below /sys, no slash in front: "bus/dax/devices" */
	enum dax_sysfs_kind kind;
	uint16_t mode;  /* as that of the real file: 0444, 0400, 0200, 0644; dirs 0755 */
	int read_error; /* errno of read(2), or 0: see attrmode.h */
	const char *text; /* FILE: content with its newline; LINK: the target */
	size_t len;       /* of text */
};

#endif
