/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of CXL memory devices; for sysfs*.c only. */
#ifndef DAX_SYSFS_CXL_MEMDEV_H
#define DAX_SYSFS_CXL_MEMDEV_H

#include "libcore/sysfs_walk.h"

extern const struct sysfs_attr dax_sysfs_cxl_memdev_attrs[]; /* ends without a name */

void dax_sysfs_walk_cxl_memdev(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			       const char *dir);

#endif
