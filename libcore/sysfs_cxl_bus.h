/* SPDX-License-Identifier: BSD-2-Clause */
/* The CXL bus and its drivers in sysfs. */
#ifndef DAX_SYSFS_CXL_BUS_H
#define DAX_SYSFS_CXL_BUS_H

#include "libcore/sysfs_walk.h"

#define SYSFS_CXL_DRIVERS "bus/cxl/drivers"

void dax_sysfs_walk_cxl_bus(struct sysfs_walk *walk);

#endif
