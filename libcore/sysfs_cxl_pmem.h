/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of CXL's persistent memory; for sysfs*.c only. */
#ifndef DAX_SYSFS_CXL_PMEM_H
#define DAX_SYSFS_CXL_PMEM_H

#include "libcore/sysfs_walk.h"

/* Each ends with a row without a name. */
extern const struct sysfs_attr dax_sysfs_cxl_nvdimm_bridge_attrs[];
extern const struct sysfs_attr dax_sysfs_cxl_nvdimm_attrs[];
extern const struct sysfs_attr dax_sysfs_cxl_pmem_region_attrs[];
extern const struct sysfs_attr dax_sysfs_nmem_attrs[]; /* on the nd bus */

void dax_sysfs_walk_nmem(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			 const char *dir);
void dax_sysfs_walk_nd_mappings(struct sysfs_walk *walk, const struct sysfs_obj *obj,
				const char *dir);
int dax_sysfs_show_nd_mappings(const struct sysfs_obj *obj, char *buf);
int dax_sysfs_show_nd_cookie(const struct sysfs_obj *obj, char *buf);

#endif
