/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Poison that programs order by the address in a CXL memory device or in a region.
 *
 * Which memory is bad is no part of the model. So a write leaves an order in the model,
 * and its caller carries it out.
 */
#ifndef DAX_CXL_POISON_H
#define DAX_CXL_POISON_H

#include <stdint.h>

#include "libcore/cxl.h"
#include "libcore/model.h"

#define DAX_CXL_POISON_LEN 64 /* bytes that one order is about */

int dax_cxl_poison_memdev(struct dax_model *model, uint32_t memdev, uint64_t dpa,
			  enum dax_cxl_poison_kind kind);
int dax_cxl_poison_region(struct dax_model *model, const struct dax_cxl_region *region,
			  uint64_t off, enum dax_cxl_poison_kind kind);
struct dax_cxl_poison dax_cxl_poison_take(struct dax_model *model);

#endif
