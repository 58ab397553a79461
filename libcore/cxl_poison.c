/* SPDX-License-Identifier: BSD-2-Clause */
/* Poison that programs order by the address in a CXL memory device or in a region. */
#include "libcore/cxl_poison.h"

#include <errno.h>
#include <stdbool.h>

#include "libcore/model.h"

/* The decoder that maps an address of a memory device. Return: it, or NULL. */
static const struct dax_cxl_decoder *find_decoder(const struct dax_cxl_memdev *memdev,
						  uint64_t dpa)
{
	uint32_t i;

	for (i = 0; i < DAX_CXL_DECODERS; i++) {
		const struct dax_cxl_decoder *decoder = &memdev->decoders[i];

		if (decoder->region && dpa >= decoder->dpa &&
		    dpa - decoder->dpa < decoder->dpa_size)
			return decoder;
	}
	return NULL;
}

/* Where an address of a memory device is in its region (cxl_dpa_to_hpa()). */
static uint64_t region_offset(const struct dax_cxl_decoder *decoder, uint64_t dpa)
{
	const struct dax_cxl_region *region = decoder->region;
	const uint64_t granularity = region->granularity;
	const uint64_t at = dpa - decoder->dpa;

	return (at / granularity * region->ways + decoder->position) * granularity +
	       at % granularity;
}

/* Find a physical address in a dax device. Return: true if the device has it. */
static bool find_in_device(const struct dax_dev *dev, uint64_t at, uint64_t *ret_off)
{
	uint64_t off = 0;
	uint32_t i;

	for (i = 0; i < dev->nr_ranges; i++) {
		const struct dax_range *range = &dev->ranges[i];

		if (at >= range->start && at - range->start < range->len) {
			*ret_off = off + at - range->start;
			return true;
		}
		off += range->len;
	}
	return false;
}

/*
 * Leave an order about the dax device that has an offset of a region.
 *
 * Return: 0: the order is in the model, or there is nothing to clear; -ENXIO: no device has
 * the address.
 */
static int leave_order(struct dax_model *model, const struct dax_cxl_region *cxl_region,
		       uint64_t off, enum dax_cxl_poison_kind kind)
{
	struct dax_cxl_poison order = {.kind = kind};
	const struct dax_region *region = NULL;
	const struct dax_dev *dev;

	if (cxl_region && cxl_region->is_bound)
		region = dax_model_find_region(model, cxl_region->id);
	dev = region ? region->devices : NULL;
	while (dev && !find_in_device(dev, region->start + off, &order.off))
		dev = dev->next;
	if (!dev)
		return kind == DAX_CXL_POISON_CLEAR ? 0 : -ENXIO;
	order.life = dev->life;
	model->cxl->poison = order;
	return 0;
}

/**
 * dax_cxl_poison_memdev() - debugfs cxl/memN/inject_poison and clear_poison
 * @model:	the model, with CXL
 * @memdev:	N
 * @dpa:	address in the memory device
 * @kind:	inject or clear
 *
 * core/memdev.c: cxl_validate_poison_dpa().
 *
 * Return: 0: the order is in the model, or there is nothing to clear; -EINVAL: the address
 * is not in the device or not a multiple of 64; -ENXIO: no dax device has an address to
 * inject at. A real device would take it.
 */
int dax_cxl_poison_memdev(struct dax_model *model, uint32_t memdev, uint64_t dpa,
			  enum dax_cxl_poison_kind kind)
{
	const struct dax_cxl *cxl = model->cxl;
	const struct dax_cxl_decoder *decoder;

	if (dpa >= cxl->memdev_size || dpa % DAX_CXL_POISON_LEN)
		return -EINVAL;
	decoder = find_decoder(&cxl->memdevs[memdev], dpa);
	if (!decoder)
		return leave_order(model, NULL, 0, kind);
	return leave_order(model, decoder->region, region_offset(decoder, dpa), kind);
}

/**
 * dax_cxl_poison_region() - debugfs cxl/regionN/inject_poison and clear_poison
 * @model:	the model, with CXL
 * @region:	the region, which has its driver
 * @off:	offset in the region
 * @kind:	inject or clear
 *
 * core/region.c: validate_region_offset().
 *
 * Return: 0: the order is in the model, or there is nothing to clear; -EINVAL: the offset
 * is not in the region or not a multiple of 64; -ENXIO: no dax device has an offset to
 * inject at.
 */
int dax_cxl_poison_region(struct dax_model *model, const struct dax_cxl_region *region,
			  uint64_t off, enum dax_cxl_poison_kind kind)
{
	if (off >= region->size || off % DAX_CXL_POISON_LEN)
		return -EINVAL;
	return leave_order(model, region, off, kind);
}

/**
 * dax_cxl_poison_take() - take the order that a write has left in the model
 * @model:	the model, with or without CXL
 *
 * Return: the order, of kind DAX_CXL_POISON_NONE if there is none.
 */
struct dax_cxl_poison dax_cxl_poison_take(struct dax_model *model)
{
	struct dax_cxl_poison order = {.kind = DAX_CXL_POISON_NONE};

	if (!model->cxl)
		return order;
	order = model->cxl->poison;
	model->cxl->poison.kind = DAX_CXL_POISON_NONE;
	return order;
}
