/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysfs tree of a machine with the model's regions: one table of directories,
 * links and attributes, each with the text that reading shows and the effect of writing.
 *
 * The daemon writes the tree as plain files below its runtime directory, because
 * PMDK walks it inside libc where no preloaded library sees it; the shim sends writes
 * to the daemon, which calls dax_sysfs_store().
 */
#ifndef DAX_SYSFS_H
#define DAX_SYSFS_H

#include <stddef.h>

#include "libcore/model.h"
#include "libcore/sysfs_node.h"

/* Called for a node; a value other than 0 ends the walk. */
typedef int (*dax_sysfs_emit_fn)(void *ctx, const struct dax_sysfs_node *node);
int dax_sysfs_walk(const struct dax_model *model, dax_sysfs_emit_fn emit, void *ctx);

int dax_sysfs_store(struct dax_model *model, const char *path, const char *buf,
		    size_t len);

size_t dax_sysfs_proc_devices(const struct dax_model *model, char *buf, size_t size);

#endif
