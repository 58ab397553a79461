/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform bus, the modules and the memory of the sysfs tree. */
#ifndef DAX_SYSFS_PLATFORM_H
#define DAX_SYSFS_PLATFORM_H

#include "libcore/sysfs_walk.h"

void dax_sysfs_walk_platform_devices(struct sysfs_walk *walk);
void dax_sysfs_walk_platform_bus(struct sysfs_walk *walk);
void dax_sysfs_walk_modules(struct sysfs_walk *walk);

#endif
