/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of the dax bus: changes of regions and devices as the kernel makes them.
 *
 * The rules are those of drivers/dax/bus.c and, for binding, drivers/dax/device.c.
 */
#include "libcore/model_verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/kstr.h"
#include "libcore/memory.h"
#include "libcore/model.h"
#include "libcore/model_ranges.h"
#include "libcore/size.h"

/**
 * dax_region_create() - add a device of size 0: `create` <- 1
 * @model:	the model
 * @region:	the region for it
 * @ret_dev:	receives the device if not NULL; valid until it is deleted
 *
 * The device gets the lowest free id and minor and the region's align. `create` shows
 * it, and `seed` if that shows nothing (drivers/dax/bus.c: create_store()).
 *
 * Return: 0; -ENOSPC: all of the region is in use, or no minor or id is left;
 * -EINVAL: a static region; -ENODEV: the region has no driver; -ENOMEM.
 */
int dax_region_create(struct dax_model *model, struct dax_region *region,
		      struct dax_dev **ret_dev)
{
	const struct dax_dev like = {.align = region->align};
	const struct dax_dev *dev;
	uint32_t id = 0;
	int r;

	if (dax_region_is_nd(region))
		return -EINVAL;
	if (region->is_hmem_gone)
		return -ENODEV;
	if (!dax_region_available(region))
		return -ENOSPC;
	/* Ids ascend: find the first gap. The minors run out before the ids. */
	dax_for_each_device (dev, region) {
		if (dev->id != id)
			break;
		id++;
	}
	r = dax_region_add_device(region, model, id, &like, ret_dev);
	if (r < 0)
		return r;
	region->has_youngest = true;
	region->youngest = id;
	if (!region->has_seed) {
		region->has_seed = true;
		region->seed = id;
	}
	return 0;
}

/**
 * dax_region_delete() - remove a device: `delete` <- name
 * @model:	the model
 * @region:	its region
 * @name:	the device's name; frees the device
 * @is_held:	true if a client has it open or mapped; its minor then stays taken until
 *		dax_model_release_minor()
 *
 * The device is freed here. The caller, which publishes devices, marks its description
 * as gone and increments its generation. Device 0 always stays (drivers/dax/bus.c:
 * delete_store()).
 *
 * Return: 0; -ENXIO: no such device in this region; -EBUSY: bound, or not of size
 * 0, or device 0; -EINVAL: a static region.
 */
int dax_region_delete(struct dax_model *model, struct dax_region *region,
		      const char *name, bool is_held)
{
	struct dax_dev *dev;
	uint32_t minor;

	if (dax_region_is_nd(region))
		return -EINVAL;
	dev = dax_model_find(model, name);
	if (!dev || dev->region != region)
		return -ENXIO;
	if (dev->is_bound || dev->nr_ranges || !dev->id)
		return -EBUSY;
	minor = dev->minor;
	dax_region_remove_device(region, dev);
	if (!is_held)
		dax_model_release_minor(model, minor);
	return 0;
}

/*
 * Fill holes from low to high. A hole right behind the device's last range extends that
 * range; any other becomes a new last range, even one beside an earlier range
 * (drivers/dax/bus.c: dev_dax_resize()).
 */
static int grow(struct dax_dev *dev, uint64_t todo)
{
	uint64_t pos = dev->region->start;
	struct dax_range grown[DAX_RANGES_MAX];
	uint32_t n = dev->nr_ranges;
	struct dax_range *used;
	size_t count;
	size_t i;

	used = dax_region_sorted(dev->region, &count);
	if (!used)
		return -ENOMEM;
	memcpy(grown, dev->ranges, sizeof(grown));
	for (i = 0; i <= count && todo; pos = dax_range_end(&used[i++])) {
		uint64_t len = dax_min(used[i].start - pos, todo);

		if (!len)
			continue;
		if (n && dax_range_end(&grown[n - 1]) == pos) {
			grown[n - 1].len += len;
		} else if (n < dax_region_ranges_max(dev->region)) {
			grown[n++] = (struct dax_range){.start = pos, .len = len};
		} else {
			free(used);
			return -ENOSPC;
		}
		todo -= len;
	}
	free(used);
	memcpy(dev->ranges, grown, sizeof(grown));
	dev->nr_ranges = n;
	return 0;
}

/* Cut from the end of the last range (drivers/dax/bus.c: dev_dax_shrink()). */
static void shrink(struct dax_dev *dev, uint64_t todo)
{
	while (todo) {
		struct dax_range *last = &dev->ranges[dev->nr_ranges - 1];
		uint64_t len = dax_min(last->len, todo);

		last->len -= len;
		if (!last->len)
			dev->nr_ranges--;
		todo -= len;
	}
}

/**
 * dax_dev_set_size() - resize a device: `size` <- size
 * @dev:	the device
 * @size:	bytes
 *
 * The checks come in the order of the errors below (drivers/dax/bus.c: size_store()).
 *
 * Return: 0; -EACCES: static; -EINVAL: not a multiple of max(align, 2 MiB); -EBUSY:
 * bound, even if it has that size; -ENOSPC: more than the region has left, or it would
 * take more than DAX_RANGES_MAX ranges (the kernel has no such limit); -ENOMEM.
 */
int dax_dev_set_size(struct dax_dev *dev, uint64_t size)
{
	uint64_t old = dax_dev_size(dev);

	if (dax_region_is_nd(dev->region))
		return -EACCES;
	if (!dax_is_aligned(size, dax_dev_granule(dev)))
		return -EINVAL;
	if (dev->is_bound)
		return -EBUSY;
	if (size == old)
		return 0;
	if (size > old) {
		int r;

		if (size - old > dax_region_available(dev->region))
			return -ENOSPC;
		r = grow(dev, size - old);
		if (r < 0)
			return r;
	} else {
		shrink(dev, old - size);
	}
	dev->generation++;
	return 0;
}

/**
 * dax_dev_set_align() - change a device's align: `align` <- align
 * @dev:	the device
 * @align:	bytes
 *
 * The checks come in the order of the errors below (drivers/dax/bus.c: align_store()).
 *
 * Return: 0; -EACCES: static; -EINVAL: not an align of device-dax; -EBUSY: bound, even
 * if it has that align; -EINVAL: the length of a range is not a multiple of
 * max(align, 2 MiB).
 */
int dax_dev_set_align(struct dax_dev *dev, uint64_t align)
{
	uint32_t i;

	if (dax_region_is_nd(dev->region))
		return -EACCES;
	if (!dax_is_align(align))
		return -EINVAL;
	if (dev->is_bound)
		return -EBUSY;
	for (i = 0; i < dev->nr_ranges; i++)
		if (!dax_is_aligned(dev->ranges[i].len, dax_max(align, DAX_SUBSECTION)))
			return -EINVAL;
	if (dev->align == align)
		return 0;
	dev->align = align;
	dev->generation++;
	return 0;
}

/**
 * dax_dev_add_mapping() - append a range at a chosen address: `mapping`
 * @dev:	the device, bound or not
 * @start:	address of the first byte; its alignment matters only when binding
 * @end:	address of the last byte
 *
 * Swapped ends make a length too, modulo 2^64, which is seldom a multiple. The empty
 * range, @start right behind @end, is how the kernel makes devices of size 0 (observed
 * on 6.1; drivers/dax/bus.c: mapping_store(), alloc_dev_dax_range()).
 *
 * Return: 0; -EACCES: static; -ENXIO, or 0 on later kernels: the length is not a
 * multiple of max(align, 2 MiB); -EBUSY: it is empty, but the device is not; -ENOMEM: outside the
 * region, or in use; -ENOSPC: DAX_RANGES_MAX (the kernel has no such limit).
 */
int dax_dev_add_mapping(struct dax_dev *dev, uint64_t start, uint64_t end)
{
	const struct dax_region *region = dev->region;
	uint64_t len = end - start + 1;

	if (dax_region_is_nd(region))
		return -EACCES;
	if (!dax_is_aligned(len, dax_dev_granule(dev)))
		return dax_kernel_has(region->kernel, DAX_RULE_BAD_MAPPING_IS_OK)
			       ? 0
			       : -ENXIO;
	if (!len)
		return dev->nr_ranges ? -EBUSY : 0;
	if (!dax_is_within(start, len, region->start, region->size) ||
	    dax_region_is_used(region, start, len))
		return -ENOMEM;
	if (dev->nr_ranges >= dax_region_ranges_max(region))
		return -ENOSPC;
	dev->ranges[dev->nr_ranges++] = (struct dax_range){.start = start, .len = len};
	dev->generation++;
	return 0;
}

/**
 * dax_dev_attach() - bind a device to a driver of the dax bus
 * @dev:	the device
 * @driver:	the driver
 *
 * The seed, once bound, is no longer the seed (drivers/dax/bus.c: dax_bus_probe()).
 *
 * Return: 0; -EBUSY: bound already; -ENXIO: size 0; -EBUSY for kmem, else -EINVAL: its
 * memory blocks are still there; -EINVAL: a range that `mapping` made, or one that grew
 * around it, is not on 2 MiB; for kmem, as dax_memory_plug().
 */
int dax_dev_attach(struct dax_dev *dev, enum dax_driver driver)
{
	struct dax_region *region = dev->region;
	uint32_t i;
	int r;

	if (dev->is_bound)
		return -EBUSY;
	if (!dev->nr_ranges)
		return -ENXIO;
	if (dev->memory)
		return driver == DAX_DRIVER_KMEM ? -EBUSY : -EINVAL;
	if (driver == DAX_DRIVER_KMEM) {
		r = dax_memory_plug(dev);
		if (r < 0)
			return r;
	} else {
		for (i = 0; i < dev->nr_ranges; i++)
			if (!dax_dev_is_mappable(dev, &dev->ranges[i]))
				return -EINVAL;
	}
	dev->is_bound = true;
	dev->driver = driver;
	dev->generation++;
	if (region->has_seed && region->seed == dev->id)
		region->has_seed = false;
	return 0;
}

/**
 * dax_dev_bind() - bind a device to device_dax
 * @model:	the model
 * @dev:	the device
 *
 * Return: as dax_dev_attach().
 */
int dax_dev_bind(struct dax_model *model, struct dax_dev *dev)
{
	(void)model;
	return dax_dev_attach(dev, DAX_DRIVER_DEVICE);
}

/**
 * dax_dev_unbind() - unbind a device from its driver
 * @model:	the model
 * @dev:	the device
 *
 * The memory blocks of a device that was system RAM are gone, unless one is online: then
 * they all stay (drivers/dax/kmem.c: dev_dax_kmem_remove()).
 *
 * Return: 0, or -ENODEV if it is not bound.
 */
int dax_dev_unbind(struct dax_model *model, struct dax_dev *dev)
{
	(void)model;
	if (!dev->is_bound)
		return -ENODEV;
	if (!dax_memory_nr_online(dev))
		dax_memory_free(dev);
	dev->is_bound = false;
	dev->generation++;
	return 0;
}

static int add_id(struct dax_model *model, enum dax_driver driver, const char *name)
{
	struct dax_ids *ids = &model->ids[driver];
	char(*more)[DAX_NAME_LEN];

	if (dax_model_find_id(model, driver, name))
		return 0;
	more = calloc(ids->nr + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (ids->nr)
		memcpy(more, ids->names, ids->nr * sizeof(*more));
	strncpy(more[ids->nr++], name, DAX_NAME_LEN - 1);
	free(ids->names);
	ids->names = more;
	return 0;
}

/**
 * dax_driver_bind() - drivers/DRIVER/bind <- name
 * @model:	the model
 * @driver:	the driver
 * @dev:	the device
 *
 * Return: -ENODEV: the driver does not take it (drivers/base/bus.c: bind_store()); else
 * as dax_dev_attach().
 */
int dax_driver_bind(struct dax_model *model, enum dax_driver driver, struct dax_dev *dev)
{
	return dax_dev_is_matched(model, dev, driver) ? dax_dev_attach(dev, driver)
						      : -ENODEV;
}

/**
 * dax_driver_unbind() - drivers/DRIVER/unbind <- name
 * @model:	the model
 * @driver:	the driver
 * @dev:	the device
 *
 * Return: 0, or -ENODEV if it is not bound to this driver.
 */
int dax_driver_unbind(struct dax_model *model, enum dax_driver driver,
		      struct dax_dev *dev)
{
	return dev->driver == driver ? dax_dev_unbind(model, dev) : -ENODEV;
}

/**
 * dax_driver_new_id() - drivers/DRIVER/new_id <- name
 * @model:	the model
 * @driver:	the driver
 * @name:	"daxX.Y"; the device need not exist
 *
 * Adding an id makes the driver try all devices that it matches (drivers/dax/bus.c:
 * do_id_store(), dax_match_type()).
 *
 * Return: 0, even if nothing could be bound; -EINVAL: @name does not have that form;
 * -ENOMEM.
 */
int dax_driver_new_id(struct dax_model *model, enum dax_driver driver, const char *name)
{
	const struct dax_region *region;
	struct dax_dev *dev;

	if (!dax_kstr_is_dax_id(name))
		return -EINVAL;
	if (add_id(model, driver, name) < 0)
		return -ENOMEM;
	dax_for_each_region (region, model)
		dax_for_each_device (dev, region)
			dax_driver_bind(model, driver, dev);
	return 0;
}

/**
 * dax_driver_remove_id() - drivers/DRIVER/remove_id <- name
 * @model:	the model
 * @driver:	the driver
 * @name:	"daxX.Y"; the device need not exist, nor the id have been added
 *
 * Unbinds nothing.
 *
 * Return: 0, or -EINVAL if @name does not have that form.
 */
int dax_driver_remove_id(struct dax_model *model, enum dax_driver driver,
			 const char *name)
{
	struct dax_ids *ids = &model->ids[driver];
	char *id;

	if (!dax_kstr_is_dax_id(name))
		return -EINVAL;
	id = dax_model_find_id(model, driver, name);
	if (id)
		memcpy(id, ids->names[--ids->nr], DAX_NAME_LEN);
	return 0;
}
