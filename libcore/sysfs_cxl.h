/* SPDX-License-Identifier: BSD-2-Clause */
/* The CXL bus of the sysfs tree, and its debugfs files. A directory is visited before its entries. */
#ifndef DAX_SYSFS_CXL_H
#define DAX_SYSFS_CXL_H

#include "libcore/sysfs_walk.h"

#define SYSFS_CXL_ROOT   "devices/platform/ACPI0017:00/root0"
#define SYSFS_CXL_WINDOW SYSFS_CXL_ROOT "/decoder0.0"

void dax_sysfs_walk_cxl_devices(struct sysfs_walk *walk);
void dax_sysfs_walk_cxl_debug(struct sysfs_walk *walk);
void dax_sysfs_walk_cxl_bus(struct sysfs_walk *walk);

#endif
