/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices of the CXL bus in sysfs. A directory is visited before its entries. */
#ifndef DAX_SYSFS_CXL_H
#define DAX_SYSFS_CXL_H

#include "libcore/sysfs_walk.h"

void dax_sysfs_walk_cxl_devices(struct sysfs_walk *walk);

#endif
