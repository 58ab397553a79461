/* SPDX-License-Identifier: BSD-2-Clause */
/* Namespaces of CXL regions of persistent memory. */
#ifndef DAX_CXL_PMEM_H
#define DAX_CXL_PMEM_H

#include "libcore/model.h"

void dax_cxl_pmem_label(struct dax_model *model, struct dax_region *region);
int dax_cxl_pmem_probe(struct dax_model *model, struct dax_region *region);

#endif
