/* SPDX-License-Identifier: BSD-2-Clause */
/* Consistency check of a model, for tests and fuzzers. */
#include "libcore/model_check.h"

#include <stdlib.h>

#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/model_ranges.h"
#include "libcore/size.h"

static const char *check_ranges(const struct dax_region *region)
{
	const char *why = NULL;
	struct dax_range *used;
	uint64_t pos = region->start;
	size_t count;
	size_t i;

	used = dax_region_sorted(region, &count);
	if (!used)
		return "no memory to check";
	for (i = 0; i <= count && !why; i++) {
		if (used[i].start < pos)
			why = i < count ? "ranges overlap or begin before the region"
					: "a range ends behind the region";
		else if (i < count && !used[i].len)
			why = "an empty range";
		pos = dax_range_end(&used[i]);
	}
	free(used);
	return why;
}

static const char *check_device(const struct dax_model *model,
				const struct dax_region *region,
				const struct dax_dev *dev)
{
	if (dev->region != region)
		return "a device is in another region's list";
	if (dev->nd_state != DAX_ND_DRIVEN)
		return "a device exists whose driver is unbound";
	if (dev->id > DAX_ID_MAX || (dev->next && dev->next->id <= dev->id))
		return "device ids are not ascending";
	if (dev->minor >= DAX_MINORS || !dax_is_minor_taken(model, dev->minor))
		return "a device's minor is not marked";
	if (!dax_is_align(dev->align))
		return "a device's align is not possible";
	if (!dev->life || dev->life > model->last_life || !dev->generation)
		return "a device's life or generation is not possible";
	if (dev->nr_ranges > DAX_RANGES_MAX)
		return "too many ranges";
	if (dev->is_bound && !dev->nr_ranges)
		return "a device without size is bound";
	if (dax_region_is_nd(region)) {
		if (dev->nr_ranges != 1)
			return "a static device does not have exactly one range";
		if (!dax_is_within(dev->ranges[0].start, dev->ranges[0].len,
				   dev->ns_start, dev->ns_size))
			return "a static device is not in its namespace";
		return NULL;
	}
	if (!dax_is_aligned(dax_dev_size(dev), dax_dev_granule(dev)))
		return "a size is not aligned";
	return NULL;
}

static const char *check_minors_differ(const struct dax_model *model)
{
	uint64_t seen[DAX_MINORS / 64] = {0};
	const struct dax_region *region;
	const struct dax_dev *dev;

	dax_for_each_region (region, model) {
		dax_for_each_device (dev, region) {
			uint64_t bit = UINT64_C(1) << (dev->minor % 64);

			if (seen[dev->minor / 64] & bit)
				return "two devices have the same minor";
			seen[dev->minor / 64] |= bit;
		}
	}
	return NULL;
}

static const char *check_region_state(const struct dax_model *model,
				      const struct dax_region *region)
{
	const struct dax_dev *dev;
	const char *why;

	if (region->id > DAX_ID_MAX || (region->next && region->next->id <= region->id))
		return "region ids are not ascending";
	dax_for_each_device (dev, region) {
		why = check_device(model, region, dev);
		if (why)
			return why;
	}
	why = check_ranges(region);
	if (why)
		return why;
	dax_for_each_absent (dev, region)
		if (dev->is_bound || dev->nd_state == DAX_ND_DRIVEN ||
		    dax_region_find(region, dev->id))
			return "a device exists and is absent";
	if (region->is_nd_disabled && region->devices)
		return "a disabled region has devices";
	if (region->has_seed) {
		dev = dax_region_find(region, region->seed);
		if (!dev || !dev->id)
			return "the seed does not exist";
	}
	if (region->has_youngest && !dax_region_find(region, region->youngest))
		return "the youngest does not exist";
	if (dax_region_is_dynamic(region) &&
	    !!dax_region_find(region, 0) == region->is_hmem_gone)
		return "device 0 is missing";
	return NULL;
}

/**
 * dax_model_check() - check the consistency of a model
 * @model:	the model
 *
 * No overlap, ranges inside their region, sizes aligned (single ranges need not be:
 * `mapping` takes any start), ids ascending and unique, minors marked, seed and
 * youngest exist.
 *
 * Return: NULL, or the inconsistency in words (a static string).
 */
const char *dax_model_check(const struct dax_model *model)
{
	const struct dax_region *region;

	dax_for_each_region (region, model) {
		const char *why = check_region_state(model, region);

		if (why)
			return why;
	}
	return check_minors_differ(model);
}
