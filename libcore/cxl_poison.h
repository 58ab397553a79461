/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Poison that programs order by the address in a CXL memory device.
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

int dax_cxl_poison_inject(struct dax_model *model, uint32_t memdev, uint64_t dpa);
int dax_cxl_poison_clear(struct dax_model *model, uint32_t memdev, uint64_t dpa);
struct dax_cxl_poison dax_cxl_poison_take(struct dax_model *model);

#endif
