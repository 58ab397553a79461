/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory blocks in sysfs, and kmem's part of a device's directory. */
#ifndef DAX_SYSFS_MEMORY_H
#define DAX_SYSFS_MEMORY_H

#include "libcore/sysfs_walk.h"

void dax_sysfs_walk_memory(struct sysfs_walk *walk);
int dax_sysfs_show_kmem_state(const struct sysfs_obj *obj, char *buf);
int dax_sysfs_store_kmem_state(const struct sysfs_at *at, char *text);
bool dax_sysfs_has_kmem_state(const struct sysfs_obj *obj);

#endif
