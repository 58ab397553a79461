/* SPDX-License-Identifier: BSD-2-Clause */
/* Poison that programs order by the address in a CXL memory device. */
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

/* Find the dax device that has an address of a memory device, and where. */
static bool find_device(const struct dax_model *model, uint32_t memdev, uint64_t dpa,
			struct dax_cxl_poison *ret)
{
	const struct dax_cxl_decoder *decoder =
		find_decoder(&model->cxl->memdevs[memdev], dpa);
	const struct dax_region *region;
	const struct dax_dev *dev;

	if (!decoder || !decoder->region->is_bound)
		return false;
	region = dax_model_find_region(model, decoder->region->id);
	dax_for_each_device (dev, region)
		if (find_in_device(dev, region->start + region_offset(decoder, dpa),
				   &ret->off)) {
			ret->life = dev->life;
			return true;
		}
	return false;
}

/* core/memdev.c: cxl_validate_poison_dpa(). */
static int validate_dpa(const struct dax_cxl *cxl, uint64_t dpa)
{
	return dpa >= cxl->memdev_size || dpa % DAX_CXL_POISON_LEN ? -EINVAL : 0;
}

/**
 * dax_cxl_poison_inject() - debugfs cxl/memN/inject_poison
 * @model:	the model, with CXL
 * @memdev:	N
 * @dpa:	address in the memory device
 *
 * Return: 0: the order is in the model; -EINVAL: the address is not in the device or not a
 * multiple of 64; -ENXIO: it is in no dax device. A real device would take it.
 */
int dax_cxl_poison_inject(struct dax_model *model, uint32_t memdev, uint64_t dpa)
{
	struct dax_cxl *cxl = model->cxl;
	struct dax_cxl_poison order = {.kind = DAX_CXL_POISON_INJECT};
	int r = validate_dpa(cxl, dpa);

	if (r < 0)
		return r;
	if (!find_device(model, memdev, dpa, &order))
		return -ENXIO;
	cxl->poison = order;
	return 0;
}

/**
 * dax_cxl_poison_clear() - debugfs cxl/memN/clear_poison
 * @model:	the model, with CXL
 * @memdev:	N
 * @dpa:	address in the memory device
 *
 * Return: 0: the order is in the model, or there is nothing to clear; -EINVAL: the address
 * is not in the device or not a multiple of 64.
 */
int dax_cxl_poison_clear(struct dax_model *model, uint32_t memdev, uint64_t dpa)
{
	struct dax_cxl *cxl = model->cxl;
	struct dax_cxl_poison order = {.kind = DAX_CXL_POISON_CLEAR};
	int r = validate_dpa(cxl, dpa);

	if (r == 0 && find_device(model, memdev, dpa, &order))
		cxl->poison = order;
	return r;
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
