/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysfs tree of a machine with the model's regions: one table of directories,
 * links and attributes, each with what reading shows and what writing does.
 *
 * The daemon writes the tree as plain files below its runtime directory, because
 * PMDK walks it inside libc where no preload sees it; the shim carries writes to
 * the daemon, which calls dax_sysfs_store().
 */
#ifndef DAX_SYSFS_H
#define DAX_SYSFS_H

#include "libcore/model.h"

#include <stddef.h>

#define DAX_SYSFS_PATH_MAX 256
#define DAX_SYSFS_TEXT_MAX 4096

#define DAX_SYSFS_DEVICE_DAX "bus/dax/drivers/device_dax"
#define DAX_SYSFS_KMEM       "bus/dax/drivers/kmem"

enum dax_sysfs_kind {
	DAX_SYSFS_DIR,
	DAX_SYSFS_FILE,
	DAX_SYSFS_LINK,
};

struct dax_sysfs_node {
	const char *path; /* below /sys, no slash in front: "bus/dax/devices" */
	enum dax_sysfs_kind kind;
	uint16_t mode;    /* as the real file's: 0444, 0400, 0200, 0644; dirs 0755 */
	int read_error;   /* errno that read(2) answers, or 0: see attrmode.h */
	const char *text; /* FILE: content with its newline; LINK: the target */
	size_t len;       /* of text */
};

/*
 * Calls @emit for every node, a directory before what is in it, in an order that
 * does not depend on history. @node and its strings are good for the call only.
 * Stops at the first non-zero answer of @emit and returns it.
 */
typedef int (*dax_sysfs_emit_fn)(void *ctx, const struct dax_sysfs_node *node);
int dax_sysfs_walk(const struct dax_model *model, dax_sysfs_emit_fn emit, void *ctx);

/*
 * A write(2) of @len bytes at offset 0 to the attribute @path (below /sys); links in
 * it are followed. A newline or NUL at the end is taken as the kernel's sysfs takes it.
 *
 * After a success any number of devices may have changed, come or gone: compare with
 * the model (life, generation). `delete` leaves the device's minor taken, since who
 * holds the device is not known here: dax_model_release_minor() when nobody does.
 *
 * Return: 0 (all of it was taken), or the negative errno of the write.
 * -EACCES: the attribute has no store function (open(2) already says so). -ENOENT,
 * -EISDIR, -ENOTDIR, -ENAMETOOLONG: no attribute is there.
 */
int dax_sysfs_store(struct dax_model *model, const char *path, const char *buf,
		    size_t len);

/*
 * The lines for /proc/devices' character part: "246 ndctl\n252 dax\n". Return: their
 * length.
 */
size_t dax_sysfs_proc_devices(const struct dax_model *model, char *buf, size_t size);

#endif
