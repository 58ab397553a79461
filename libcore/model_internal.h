/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside model*.c only: arithmetic of ranges, and what the three files share. */
#ifndef DAX_MODEL_INTERNAL_H
#define DAX_MODEL_INTERNAL_H

#include "libcore/model.h"
#include "libcore/size.h"

#include <stddef.h>

/* What the kernel hot-plugs memory in: memremap_compat_align() on x86-64. */
#define DAX_SUBSECTION (2 * DAX_MIB)

static inline uint64_t dax_range_end(const struct dax_range *range)
{
	return range->start + range->len;
}

/* Does [start, start + len) lie within [outer, outer + outer_len)? */
static inline bool dax_is_within(uint64_t start, uint64_t len, uint64_t outer,
				 uint64_t outer_len)
{
	return start >= outer && len <= outer_len && start - outer <= outer_len - len;
}

static inline bool dax_is_overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* Sizes of a device are multiples of this (bus.c: alloc_is_aligned()). */
static inline uint64_t dax_dev_granule(const struct dax_dev *dev)
{
	return dax_max(dev->align, DAX_SUBSECTION);
}

static inline bool dax_is_minor_taken(const struct dax_model *model, uint32_t minor)
{
	return model->minors[minor / 64] >> (minor % 64) & 1;
}

/* Can the kernel map this range's memory, that is: may the device be bound? */
bool dax_dev_is_mappable(const struct dax_dev *dev, const struct dax_range *range);
/* Does [start, start + len) meet a range of any of the region's devices? */
bool dax_region_is_used(const struct dax_region *region, uint64_t start, uint64_t len);
int dax_model_take_minor(struct dax_model *model, uint32_t *ret_minor);
struct dax_dev *dax_region_find(const struct dax_region *region, uint32_t id);
/*
 * All ranges of all devices by address, in a new array that ends with an empty
 * range at the region's end, which @ret_count does not count. NULL: no memory.
 */
struct dax_range *dax_region_sorted(const struct dax_region *region, size_t *ret_count);

#endif
