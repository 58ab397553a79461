/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Static regions: taking devices away, and giving them back, on the nd bus.
 *
 * A device of a static region is there while its nd dax device has the driver dax_pmem,
 * its region the driver nd_region, and the platform device e820_pmem. While it is not,
 * it waits in its region's list `absent`, with its memory. Each time it comes back it
 * is another device: it has a new life, and a new number if the old one is still held.
 *
 *	             dax_pmem/unbind                  namespace <- ""
 *	in `devices` ---------------> DAX_ND_UNDRIVEN ---------------> DAX_ND_FREE
 *	      ^   ^                        |                               |
 *	      |   '------------------------' dax_pmem/bind                 |
 *	      '------------------------------------------------------------' nd_pmem/bind
 *
 * (drivers/nvdimm/{dax,pfn,namespace,region}_devs.c; what each write answers was seen
 * on 6.12.)
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
 * dax_nd_find() - a static region's device, there or not
 * @model:	the model
 * @region_id:	X of daxX.Y, regionX and namespaceX.Y
 * @id:	Y
 */
struct dax_dev *dax_nd_find(const struct dax_model *model, uint32_t region_id,
			    uint32_t id)
{
	const struct dax_region *region = dax_model_find_region(model, region_id);
	struct dax_dev *dev;

	if (!region || region->type != DAX_REGION_STATIC)
		return NULL;
	dev = dax_region_find(region, id);
	return dev ? dev : find_absent(region, id);
}

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

/* Its minor stays taken, as with `delete`. */
static void go(struct dax_dev *dev, enum dax_nd_state state)
{
	struct dax_region *region = dev->region;

	if (dev->nd_state == DAX_ND_DRIVEN)
		move(&region->devices, &region->absent, dev);
	dev->nd_state = state;
	dev->is_bound = false;
}

static int come(struct dax_model *model, struct dax_dev *dev)
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
 * The namespace stays claimed. Return: 0; -ENODEV: it has no driver.
 */
int dax_nd_unbind(struct dax_dev *dev)
{
	if (dev->nd_state != DAX_ND_DRIVEN)
		return -ENODEV;
	go(dev, DAX_ND_UNDRIVEN);
	return 0;
}

/**
 * dax_nd_bind() - drivers/dax_pmem/bind
 * @model:	the model
 * @dev:	of a static region
 *
 * Return: 0; -EBUSY: it has its driver; -ENODEV: there is no such nd device;
 * -ENOSPC: no minor.
 */
int dax_nd_bind(struct dax_model *model, struct dax_dev *dev)
{
	switch (dev->nd_state) {
	case DAX_ND_DRIVEN:
		return -EBUSY;
	case DAX_ND_UNDRIVEN:
		return come(model, dev);
	case DAX_ND_FREE:
		break;
	}
	return -ENODEV;
}

/**
 * dax_nd_release() - an empty line to the nd dax device's `namespace`
 * @dev:	of a static region
 *
 * It lets go of its namespace and is gone. Return: 0; -EBUSY: it has a driver.
 */
int dax_nd_release(struct dax_dev *dev)
{
	if (dev->nd_state == DAX_ND_DRIVEN)
		return -EBUSY;
	go(dev, DAX_ND_FREE);
	return 0;
}

/**
 * dax_nd_probe() - drivers/nd_pmem/bind with the device's namespace
 * @model:	the model
 * @dev:	of a static region
 *
 * nd_pmem finds a devdax info block there, which is not its own: an nd dax device is
 * made for it, and the write fails. With force_raw nd_pmem would make a block device
 * of it, which is not emulated.
 *
 * Return: -ENXIO, whether the device has come or was there; -EOPNOTSUPP: force_raw.
 */
int dax_nd_probe(struct dax_model *model, struct dax_dev *dev)
{
	int r;

	if (dev->nd_state != DAX_ND_FREE)
		return -ENXIO;
	if (dev->has_force_raw)
		return -EOPNOTSUPP;
	r = come(model, dev);
	return r < 0 ? r : -ENXIO;
}

/**
 * dax_nd_region_unbind() - drivers/nd_region/unbind
 * @region:	a static one
 *
 * Return: 0; -ENODEV: it has no driver.
 */
int dax_nd_region_unbind(struct dax_region *region)
{
	struct dax_dev *dev;

	if (region->is_nd_disabled)
		return -ENODEV;
	while (region->devices)
		go(region->devices, DAX_ND_FREE);
	dax_for_each_absent (dev, region) {
		go(dev, DAX_ND_FREE);
		dev->has_force_raw = false;
		/* Nobody but ndctl, when it makes a namespace, writes this. */
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
 * Return: 0; -EBUSY: it has its driver.
 */
int dax_nd_region_bind(struct dax_model *model, struct dax_region *region)
{
	if (!region->is_nd_disabled)
		return -EBUSY;
	region->is_nd_disabled = false;
	while (region->absent && come(model, region->absent) == 0)
		;
	return 0;
}

/**
 * dax_nd_platform_unbind() - drivers/e820_pmem/unbind
 * @model:	the model
 *
 * The whole nd bus goes. Return: 0; -ENODEV: it has no driver.
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
 * Return: 0; -EBUSY: it has its driver.
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
