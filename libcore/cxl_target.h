/* SPDX-License-Identifier: BSD-2-Clause */
/* Targets of a CXL region: endpoint decoders, and the host bridges' decoders above them. */
#ifndef DAX_CXL_TARGET_H
#define DAX_CXL_TARGET_H

#include "libcore/cxl.h"

int dax_cxl_region_attach(struct dax_model *model, struct dax_cxl_region *region,
			  uint32_t position, struct dax_cxl_decoder *decoder);
void dax_cxl_region_detach(struct dax_model *model, struct dax_cxl_region *region,
			   uint32_t position);

#endif
