/* SPDX-License-Identifier: BSD-2-Clause */
/* Create, change and delete CXL regions (drivers/cxl/core/region.c). */
#ifndef DAX_CXL_REGION_H
#define DAX_CXL_REGION_H

#include "libcore/cxl.h"

uint32_t dax_cxl_region_free_id(const struct dax_model *model);
uint32_t dax_cxl_region_next_id(const struct dax_model *model, uint32_t window);
struct dax_cxl_region *dax_cxl_region_find(const struct dax_model *model, uint32_t id);
int dax_cxl_region_create(struct dax_model *model, uint32_t window, uint32_t id,
			  enum dax_cxl_mode mode, struct dax_cxl_region **ret_region);
void dax_cxl_region_delete(struct dax_model *model, struct dax_cxl_region *region);
int dax_cxl_region_set_ways(const struct dax_cxl *cxl, struct dax_cxl_region *region,
			    uint32_t ways);
int dax_cxl_region_set_granularity(const struct dax_cxl *cxl,
				   struct dax_cxl_region *region, uint32_t granularity);
int dax_cxl_region_set_uuid(struct dax_model *model, struct dax_cxl_region *region,
			    const uint8_t uuid[DAX_UUID_LEN]);
int dax_cxl_region_set_size(struct dax_model *model, struct dax_cxl_region *region,
			    uint64_t size);

#endif
