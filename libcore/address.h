/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical addresses of regions, namespaces and devices. */
#ifndef DAX_ADDRESS_H
#define DAX_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/infoblock.h"
#include "libcore/model.h"

uint64_t dax_address_unit(enum dax_region_type type, bool is_image, uint64_t align);
uint64_t dax_address_next_region(const struct dax_model *model);
uint64_t dax_address_next_namespace(uint64_t end, uint64_t align);
int dax_address_block(uint64_t size, uint64_t align, enum dax_region_map map,
		      struct dax_infoblock *ret_block, uint64_t *ret_ns_size);
void dax_address_device(const struct dax_infoblock *block, uint64_t ns_start,
			uint64_t ns_size, uint64_t size, uint64_t align,
			struct dax_dev *ret);

#endif
