/* SPDX-License-Identifier: BSD-2-Clause */
/* Commit the decoders of a CXL region, and bind its driver (drivers/cxl/core/region.c). */
#ifndef DAX_CXL_COMMIT_H
#define DAX_CXL_COMMIT_H

#include "libcore/cxl.h"

int dax_cxl_region_commit(struct dax_model *model, struct dax_cxl_region *region);
void dax_cxl_region_reset(struct dax_model *model, struct dax_cxl_region *region);
int dax_cxl_region_bind(struct dax_model *model, struct dax_cxl_region *region);
int dax_cxl_region_unbind(struct dax_model *model, struct dax_cxl_region *region);

#endif
