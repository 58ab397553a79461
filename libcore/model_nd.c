/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers of the nd bus: devices of static regions that disappear and come back.
 *
 * A device of a static region exists while its nd dax device is bound to dax_pmem, its
 * region to nd_region, and the platform device to e820_pmem. Otherwise it waits in its
 * region's list `absent`, with its memory. When it comes back it is a new device: it
 * has a new life, and a new minor if the old one is still held.
 *
 *	             dax_pmem/unbind                  namespace <- ""
 *	in `devices` ---------------> DAX_ND_UNDRIVEN ---------------> DAX_ND_FREE
 *	      ^   ^                        |                               |
 *	      |   '------------------------' dax_pmem/bind                 |
 *	      '------------------------------------------------------------' nd_pmem/bind
 *
 * The result of each write was observed on 6.12
 * (drivers/nvdimm/{dax,pfn,namespace,region}_devs.c).
 */
#include "libcore/model_nd.h"

#include <errno.h>
#include <stddef.h>

#include "libcore/model.h"

static struct dax_dev *find_absent(const struct dax_region *region, uint32_t id)
{
	struct dax_dev *dev;

	dax_for_each_absent (dev, region)
		if (dev->id == id)
			return dev;
	return NULL;
}

/**
 * dax_nd_find() - find a static region's device, present or absent
 * @model:	the model
 * @region_id:	X of daxX.Y, regionX and namespaceX.Y
 * @id:		Y
 *
 * Return: the device, or NULL.
 */
struct dax_dev *dax_nd_find(const struct dax_model *model, uint32_t region_id,
			    uint32_t id)
{
	const struct dax_region *region = dax_model_find_region(model, region_id);
	struct dax_dev *dev;

	if (!region || !dax_region_is_nd(region))
		return NULL;
	dev = dax_region_find(region, id);
	return dev ? dev : find_absent(region, id);
}

/* Move a device from one list to its place in another. */
static void move(struct dax_dev **from, struct dax_dev **to, struct dax_dev *dev)
{
	while (*from != dev)
		from = &(*from)->next;
	*from = dev->next;
	while (*to && (*to)->id < dev->id)
		to = &(*to)->next;
	dev->next = *to;
	*to = dev;
}

/* Take a device away. Its minor stays taken, as with `delete`. */
static void take_away(struct dax_dev *dev, enum dax_nd_state state)
{
	struct dax_region *region = dev->region;

	if (dev->nd_state == DAX_ND_DRIVEN)
		move(&region->devices, &region->absent, dev);
	dev->nd_state = state;
	dev->is_bound = false;
}

/* Bring an absent device back. Return: 0, or -ENOSPC if no minor is left. */
static int bring_back(struct dax_model *model, struct dax_dev *dev)
{
	struct dax_region *region = dev->region;
	int r;

	r = dax_model_take_minor(model, &dev->minor);
	if (r < 0)
		return r;
	move(&region->absent, &region->devices, dev);
	dev->nd_state = DAX_ND_DRIVEN;
	dev->life = ++model->last_life;
	dev->generation = 1;
	dev->is_bound = true;
	return 0;
}

/**
 * dax_nd_unbind() - drivers/dax_pmem/unbind
 * @dev:	of a static region
 *
 * The namespace stays claimed.
 *
 * Return: 0, or -ENODEV if it has no driver.
 */
int dax_nd_unbind(struct dax_dev *dev)
{
	if (dev->nd_state != DAX_ND_DRIVEN)
		return -ENODEV;
	take_away(dev, DAX_ND_UNDRIVEN);
	return 0;
}

/**
 * dax_nd_bind() - drivers/dax_pmem/bind
 * @model:	the model
 * @dev:	of a static region
 *
 * Return: 0; -EBUSY: it has its driver; -ENODEV: there is no such nd dax device;
 * -ENOSPC: no minor is left.
 */
int dax_nd_bind(struct dax_model *model, struct dax_dev *dev)
{
	switch (dev->nd_state) {
	case DAX_ND_DRIVEN:
		return -EBUSY;
	case DAX_ND_UNDRIVEN:
		return bring_back(model, dev);
	case DAX_ND_FREE:
		break;
	}
	return -ENODEV;
}

/**
 * dax_nd_release() - an empty line to the nd dax device's `namespace`
 * @dev:	of a static region
 *
 * The nd dax device releases its namespace and disappears.
 *
 * Return: 0, or -EBUSY if it has a driver.
 */
int dax_nd_release(struct dax_dev *dev)
{
	if (dev->nd_state == DAX_ND_DRIVEN)
		return -EBUSY;
	take_away(dev, DAX_ND_FREE);
	return 0;
}

/**
 * dax_nd_probe() - drivers/nd_pmem/bind with the device's namespace
 * @model:	the model
 * @dev:	of a static region
 *
 * nd_pmem finds a devdax info block, which it does not drive itself: an nd dax device
 * appears for it, and the write fails. With force_raw nd_pmem would make a block device
 * of the namespace, which is not emulated.
 *
 * Return: -ENXIO, whether the device has appeared or existed before; -EOPNOTSUPP:
 * force_raw; -ENOSPC: no minor is left.
 */
int dax_nd_probe(struct dax_model *model, struct dax_dev *dev)
{
	int r;

	if (dev->nd_state != DAX_ND_FREE)
		return -ENXIO;
	if (dev->has_force_raw)
		return -EOPNOTSUPP;
	r = bring_back(model, dev);
	return r < 0 ? r : -ENXIO;
}

/**
 * dax_nd_region_unbind() - drivers/nd_region/unbind
 * @region:	a static one
 *
 * Return: 0, or -ENODEV if it has no driver.
 */
int dax_nd_region_unbind(struct dax_region *region)
{
	struct dax_dev *dev;

	if (region->is_nd_disabled)
		return -ENODEV;
	while (region->devices)
		take_away(region->devices, DAX_ND_FREE);
	dax_for_each_absent (dev, region) {
		take_away(dev, DAX_ND_FREE);
		dev->has_force_raw = false;
		/* Only ndctl writes holder_class, when it makes a namespace. */
		dev->has_no_holder_class = true;
	}
	region->is_nd_disabled = true;
	return 0;
}

/**
 * dax_nd_region_bind() - drivers/nd_region/bind
 * @model:	the model
 * @region:	a static one
 *
 * Return: 0, or -EBUSY if it has its driver.
 */
int dax_nd_region_bind(struct dax_model *model, struct dax_region *region)
{
	if (!region->is_nd_disabled)
		return -EBUSY;
	region->is_nd_disabled = false;
	while (region->absent && bring_back(model, region->absent) == 0)
		;
	return 0;
}

/**
 * dax_nd_platform_unbind() - drivers/e820_pmem/unbind
 * @model:	the model
 *
 * The whole nd bus disappears.
 *
 * Return: 0, or -ENODEV if it has no driver.
 */
int dax_nd_platform_unbind(struct dax_model *model)
{
	struct dax_region *region;

	if (model->is_nd_gone)
		return -ENODEV;
	dax_for_each_region (region, model)
		if (region->type == DAX_REGION_STATIC)
			dax_nd_region_unbind(region);
	model->is_nd_gone = true;
	return 0;
}

/**
 * dax_nd_platform_bind() - drivers/e820_pmem/bind
 * @model:	the model
 *
 * Return: 0, or -EBUSY if it has its driver.
 */
int dax_nd_platform_bind(struct dax_model *model)
{
	struct dax_region *region;

	if (!model->is_nd_gone)
		return -EBUSY;
	model->is_nd_gone = false;
	dax_for_each_region (region, model)
		if (region->type == DAX_REGION_STATIC)
			dax_nd_region_bind(model, region);
	return 0;
}
