/* SPDX-License-Identifier: BSD-2-Clause */
/* The nd bus of the sysfs tree. A directory is visited before its entries. */
#ifndef DAX_SYSFS_ND_H
#define DAX_SYSFS_ND_H

#include "libcore/sysfs_walk.h"

void dax_sysfs_walk_nd_devices(struct sysfs_walk *walk);
void dax_sysfs_walk_nd_bus(struct sysfs_walk *walk);

#endif
