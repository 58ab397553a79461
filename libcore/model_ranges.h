/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of physical addresses: of devices, of namespaces, of a whole region. */
#ifndef DAX_MODEL_RANGES_H
#define DAX_MODEL_RANGES_H

#include <stddef.h>

#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/size.h"

/* Unit of memory hot-plug: memremap_compat_align() on x86-64. */
#define DAX_SUBSECTION (2 * DAX_MIB)

/* The address behind a range. */
static inline uint64_t dax_range_end(const struct dax_range *range)
{
	return range->start + range->len;
}

/* True if [start, start + len) lies within [outer, outer + outer_len). */
static inline bool dax_is_within(uint64_t start, uint64_t len, uint64_t outer,
				 uint64_t outer_len)
{
	return start >= outer && len <= outer_len && start - outer <= outer_len - len;
}

/* True if [a, a + a_len) and [b, b + b_len) have a byte in common. */
static inline bool dax_is_overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* The unit of a device's size (drivers/dax/bus.c: alloc_is_aligned()). */
static inline uint64_t dax_dev_granule(const struct dax_dev *dev)
{
	return dax_max(dev->align, DAX_SUBSECTION);
}

/*
 * The ranges that a device of a region may have. Where a range crosses from one piece of
 * the store to the next, its description (device.h) has one more.
 */
static inline uint32_t dax_region_ranges_max(const struct dax_region *region)
{
	return DAX_RANGES_MAX - (region->nr_pieces ? region->nr_pieces - 1 : 0);
}

bool dax_dev_is_mappable(const struct dax_dev *dev, const struct dax_range *range);
bool dax_region_is_used(const struct dax_region *region, uint64_t start, uint64_t len);
struct dax_range *dax_region_sorted(const struct dax_region *region, size_t *ret_count);

#endif
