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

#include <stddef.h>

#include "libcore/model.h"
#include "libcore/sysfs_node.h"

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
