/* SPDX-License-Identifier: BSD-2-Clause */
/* The dax bus of the sysfs tree. A directory is visited before its entries. */
#ifndef DAX_SYSFS_DAX_H
#define DAX_SYSFS_DAX_H

#include "libcore/model.h"
#include "libcore/sysfs_walk.h"

void dax_sysfs_walk_dax_devices(struct sysfs_walk *walk);
void dax_sysfs_walk_dax_bus(struct sysfs_walk *walk);

const char *dax_sysfs_dev_dir(const struct dax_dev *dev, char *buf);
const char *dax_sysfs_region_dir(const struct dax_region *region, char *buf);

#endif
