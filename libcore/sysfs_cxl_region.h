/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of CXL regions; for sysfs_cxl*.c only. */
#ifndef DAX_SYSFS_CXL_REGION_H
#define DAX_SYSFS_CXL_REGION_H

#include "libcore/sysfs_walk.h"

/* Each ends with a row without a name. */
extern const struct sysfs_attr dax_sysfs_cxl_region_attrs[];
extern const struct sysfs_attr dax_sysfs_cxl_dax_region_attrs[];

void dax_sysfs_walk_cxl_region(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			       const char *dir);

#endif
