/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoders of CXL memory devices and of host bridges. */
#ifndef DAX_CXL_DECODER_H
#define DAX_CXL_DECODER_H

#include "libcore/cxl.h"

struct dax_cxl_decoder *dax_cxl_decoder_get(struct dax_cxl *cxl, uint32_t n);
uint32_t dax_cxl_decoder_memdev(const struct dax_cxl *cxl,
				const struct dax_cxl_decoder *decoder);
uint32_t dax_cxl_decoder_id(const struct dax_cxl *cxl,
			    const struct dax_cxl_decoder *decoder);
int dax_cxl_decoder_set_mode(const struct dax_model *model,
			     struct dax_cxl_decoder *decoder, enum dax_cxl_mode mode);
int dax_cxl_decoder_set_size(const struct dax_model *model,
			     struct dax_cxl_decoder *decoder, uint64_t size);
uint32_t dax_cxl_decoder_port_committed(const struct dax_cxl_bridge *bridge);
uint32_t dax_cxl_decoder_committed(const struct dax_cxl_memdev *memdev);

#endif
