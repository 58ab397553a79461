/* SPDX-License-Identifier: BSD-2-Clause */
/* CXL's part of debugfs; for sysfs*.c only. */
#ifndef DAX_SYSFS_CXL_DEBUG_H
#define DAX_SYSFS_CXL_DEBUG_H

#include "libcore/sysfs_walk.h"

void dax_sysfs_walk_cxl_debug(struct sysfs_walk *walk);

#endif
