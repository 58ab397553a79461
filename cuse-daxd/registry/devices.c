/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of devices: look one up, add one, free one. */
#include "cuse-daxd/registry/devices.h"

#include <errno.h>
#include <stdio.h>

#include "libcore/cxl.h"

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/store.h"

static struct daxd_device *find_life(const GPtrArray *devices, uint64_t life)
{
	guint i;

	for (i = 0; i < devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(devices, i);

		if (dev->life == life)
			return dev;
	}
	return NULL;
}

/**
 * daxd_devices_find_life() - look up a device by its life
 * @reg:	the registry
 * @life:	as in the state pages
 *
 * Return: the device, deleted or not, or NULL.
 */
struct daxd_device *daxd_devices_find_life(const struct daxd_registry *reg, uint64_t life)
{
	struct daxd_device *dev = find_life(reg->devices, life);

	return dev ? dev : find_life(reg->gone, life);
}

/**
 * daxd_devices_find() - look up the device that a descriptor belongs to
 * @reg:	the registry
 * @dev:	st_dev of the descriptor
 * @ino:	st_ino
 * @nlink:	st_nlink
 * @ret:	the device, deleted or not
 *
 * Return: 0; -EBADF: it is no handle; -ENXIO: its device was deleted and forgotten.
 */
int daxd_devices_find(const struct daxd_registry *reg, uint64_t dev, uint64_t ino,
		      uint64_t nlink, struct daxd_device **ret)
{
	int slot = dax_state_find(reg->rt->state, dev, ino, nlink);
	struct daxd_device *found;
	struct dax_device desc;

	if (slot < 0)
		return -EBADF;
	dax_state_read(reg->rt->state, (uint32_t)slot, &desc);
	found = daxd_devices_find_life(reg, desc.life);
	if (!found)
		return -ENXIO;
	*ret = found;
	return 0;
}

/**
 * daxd_devices_add() - add a device of the model to the registry
 * @reg:	the registry
 * @region:	its region; NULL for a control node, of the nd bus or of CXL
 * @dev:	the device in the model; NULL for a control node
 *
 * The next daxd_registry_sync() shows it. Until then the caller may give it a store of
 * its own and other permissions.
 *
 * Return: the device, owned by @reg.
 */
struct daxd_device *daxd_devices_add(struct daxd_registry *reg,
				     struct daxd_region *region, struct dax_dev *dev)
{
	struct daxd_device *d = g_new0(struct daxd_device, 1);

	d->reg = reg;
	d->region = region;
	d->dev = dev;
	d->life = dev ? dev->life : ++reg->model.last_life;
	d->held_fd = -1;
	d->labels_fd = -1;
	d->memdev = -1;
	if (region) {
		d->store = region->store;
		d->base = region->base;
		d->perms = region->cfg->perms;
	}
	g_ptr_array_add(reg->devices, d);
	return d;
}

static void describe_control_node(const struct daxd_device *dev, struct dax_device *ret)
{
	const struct dax_model *model = &dev->reg->model;

	*ret = (struct dax_device){
		.name = "ndctl0",
		.major = model->ndctl_major,
		.flags = DAX_DEVICE_ALIVE | DAX_DEVICE_NDCTL,
		.life = dev->life,
		.generation = 1,
	};
	if (dev->memdev < 0)
		return;
	snprintf(ret->name, sizeof(ret->name), "cxl/mem%d",
		 dev->memdev % DAX_CXL_MEMDEVS);
	ret->major = model->cxl->major;
	ret->minor = (uint32_t)dev->memdev;
	ret->flags |= DAX_DEVICE_CXL;
	ret->size = model->cxl->memdev_size;
	if (!dax_cxl_has_pmem(model))
		return;
	ret->flags |= DAX_DEVICE_CXL_PMEM;
	if (model->cxl->memdevs[dev->memdev].is_bound)
		ret->flags |= DAX_DEVICE_CXL_NVDIMM;
}

/**
 * daxd_device_describe() - describe a device as clients see it, but for its use
 * @dev:	the device, not deleted
 * @ret:	receives the description; its ranges are offsets in the store
 */
void daxd_device_describe(const struct daxd_device *dev, struct dax_device *ret)
{
	uint64_t base;
	uint32_t i;

	if (!dev->dev) {
		describe_control_node(dev, ret);
		return;
	}
	dax_dev_describe(&dev->reg->model, dev->dev, ret);
	base = dax_region_is_cxl(dev->dev->region) ? dev->store->data
						   : dev->dev->region->start - dev->base;
	for (i = 0; i < ret->nr_ranges; i++)
		ret->ranges[i].start += base;
}

/**
 * daxd_device_free() - free a device, and its store if it owns one
 * @device:	struct daxd_device
 */
void daxd_device_free(void *device)
{
	struct daxd_device *dev = device;

	daxd_close_fd(&dev->held_fd);
	daxd_close_fd(&dev->labels_fd);
	if (dev->owns_store)
		daxd_store_free(dev->store);
	g_free(dev);
}

/**
 * daxd_devices_find_name() - look up a device by its name
 * @reg:	the registry
 * @name:	"dax0.0"
 *
 * Return: the device, not deleted, or NULL.
 */
struct daxd_device *daxd_devices_find_name(const struct daxd_registry *reg,
					   const char *name)
{
	const struct dax_dev *dev = dax_model_find(&reg->model, name);

	return dev ? find_life(reg->devices, dev->life) : NULL;
}
