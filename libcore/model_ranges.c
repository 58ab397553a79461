/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of devices: in use, sorted, mappable. */
#include "libcore/model_ranges.h"

#include <stdlib.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/size.h"

/**
 * dax_region_is_used() - true if a device of the region has any of a range
 * @region:	the region
 * @start:	first address
 * @len:	length in bytes
 */
bool dax_region_is_used(const struct dax_region *region, uint64_t start, uint64_t len)
{
	const struct dax_dev *dev;
	uint32_t i;

	dax_for_each_device (dev, region)
		for (i = 0; i < dev->nr_ranges; i++)
			if (dax_is_overlap(start, len, dev->ranges[i].start,
					   dev->ranges[i].len))
				return true;
	return false;
}

static int compare_starts(const void *a, const void *b)
{
	const struct dax_range *ra = a;
	const struct dax_range *rb = b;

	return (ra->start > rb->start) - (ra->start < rb->start);
}

/**
 * dax_region_sorted() - list all ranges of all devices by address
 * @region:	the region
 * @ret_count:	receives their number
 *
 * Return: an array for the caller to free(3). It ends with an empty range at the
 * region's end, which @ret_count does not count. NULL: no memory.
 */
struct dax_range *dax_region_sorted(const struct dax_region *region, size_t *ret_count)
{
	const struct dax_dev *dev;
	struct dax_range *ranges;
	size_t count = 0;

	dax_for_each_device (dev, region)
		count += dev->nr_ranges;
	ranges = calloc(count + 1, sizeof(*ranges));
	if (!ranges)
		return NULL;
	count = 0;
	dax_for_each_device (dev, region) {
		memcpy(ranges + count, dev->ranges, dev->nr_ranges * sizeof(*ranges));
		count += dev->nr_ranges;
	}
	qsort(ranges, count, sizeof(*ranges), compare_starts);
	ranges[count].start = region->start + region->size;
	*ret_count = count;
	return ranges;
}

/**
 * dax_dev_is_mappable() - true if the kernel can map the memory of a range
 * @dev:	the device
 * @range:	a range of it
 *
 * A device with a range that cannot be mapped cannot be bound
 * (mm/memory_hotplug.c: check_pfn_span()). The driver of its namespace has mapped a
 * static range already.
 */
bool dax_dev_is_mappable(const struct dax_dev *dev, const struct dax_range *range)
{
	return dax_region_is_nd(dev->region) ||
	       dax_is_aligned(range->start | range->len, DAX_SUBSECTION);
}
