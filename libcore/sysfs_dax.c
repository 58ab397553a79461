/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dax bus in sysfs: devices, their mappings and region directories, the driver
 * device_dax (drivers/dax/bus.c). The device of a static region lies below its nd dax
 * device and cannot be changed, that of a dynamic region below hmem.N.
 */
#include "libcore/sysfs_dax.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/driver.h"
#include "libcore/kstr.h"
#include "libcore/model.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"
#include "libcore/sysfs_cxl_object.h"
#include "libcore/sysfs_memory.h"
#include "libcore/sysfs_node.h"
#include "libcore/sysfs_walk.h"

#define DRIVERS "bus/dax/drivers"

/**
 * dax_sysfs_region_dir() - format the directory of a region
 * @region:	the region
 * @buf:	receives the path below /sys; of DAX_SYSFS_PATH_MAX bytes
 *
 * Return: @buf.
 */
const char *dax_sysfs_region_dir(const struct dax_region *region, char *buf)
{
	if (dax_region_is_nd(region))
		snprintf(buf, DAX_SYSFS_PATH_MAX, "%s/region%" PRIu32,
			 region->type == DAX_REGION_STATIC ? SYSFS_NDBUS
							   : SYSFS_CXL_NDBUS,
			 region->id);
	else if (region->type == DAX_REGION_CXL)
		snprintf(buf, DAX_SYSFS_PATH_MAX,
			 SYSFS_CXL_ROOT "/decoder0.%" PRIu32 "/region%" PRIu32
					"/dax_region%" PRIu32,
			 region->window, region->id, region->id);
	else
		snprintf(buf, DAX_SYSFS_PATH_MAX, "devices/platform/%shmem.%" PRIu32,
			 dax_kernel_has(region->kernel, DAX_RULE_HMEM_BELOW_IT)
				 ? SYSFS_HMEM_PLATFORM "/"
				 : "",
			 region->id);
	return buf;
}

/**
 * dax_sysfs_dev_dir() - format the directory of a device
 * @dev:	the device
 * @buf:	receives the path below /sys; of DAX_SYSFS_PATH_MAX bytes
 *
 * Return: @buf.
 */
const char *dax_sysfs_dev_dir(const struct dax_dev *dev, char *buf)
{
	char name[DAX_NAME_LEN];
	size_t len;

	dax_dev_name(dev, name);
	len = strlen(dax_sysfs_region_dir(dev->region, buf));
	if (dax_region_is_nd(dev->region))
		len += (size_t)snprintf(buf + len, DAX_SYSFS_PATH_MAX - len, "/%s", name);
	snprintf(buf + len, DAX_SYSFS_PATH_MAX - len, "/%s", name);
	return buf;
}

static int show_dev(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 ":%" PRIu32 "\n", obj->model->major,
		       obj->dev->minor);
}

static int show_size(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", dax_dev_size(obj->dev));
}

static int show_align(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", obj->dev->align);
}

/* A device of size 0 shows the region's start. */
static int show_resource(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_dev *dev = obj->dev;

	return sprintf(buf, "0x%" PRIx64 "\n",
		       dev->nr_ranges ? dev->ranges[0].start : obj->region->start);
}

static int show_uevent(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_dev *dev = obj->dev;
	char name[DAX_NAME_LEN];

	return sprintf(buf,
		       "MAJOR=%" PRIu32 "\nMINOR=%" PRIu32 "\nDEVNAME=%s\n%s%s%s"
		       "MODALIAS=dax:t0\n",
		       obj->model->major, dev->minor, dax_dev_name(dev, name),
		       dev->is_bound ? "DRIVER=" : "",
		       dev->is_bound ? dax_driver_name(dev->driver) : "",
		       dev->is_bound ? "\n" : "");
}

static int store_size(const struct sysfs_at *at, char *text)
{
	uint64_t size;
	int r;

	r = dax_kstr_u64(text, 0, &size);
	return r < 0 ? r : dax_dev_set_size(at->dev, size);
}

static int store_align(const struct sysfs_at *at, char *text)
{
	uint64_t align;

	/* Any text that is not a number is ENXIO (drivers/dax/bus.c: align_store()). */
	if (dax_kstr_u64(text, 0, &align) < 0)
		return -ENXIO;
	return dax_dev_set_align(at->dev, align);
}

static int store_mapping(const struct sysfs_at *at, char *text)
{
	uint64_t start;
	uint64_t end;
	int r;

	r = dax_kstr_range(text, &start, &end);
	return r < 0 ? r : dax_dev_add_mapping(at->dev, start, end);
}

static int show_memmap_on_memory(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->dev->has_memmap_on_memory);
}

/* As on kernels that are not told memory_hotplug.memmap_on_memory=1. */
static int store_memmap_on_memory(const struct sysfs_at *at, char *text)
{
	bool value;

	if (dax_kstr_bool(text, &value) < 0)
		return -EINVAL;
	if (value)
		return -EOPNOTSUPP;
	at->dev->has_memmap_on_memory = false;
	return 0;
}

static bool is_memmap_on_memory_known(const struct sysfs_obj *obj)
{
	return dax_kernel_has(obj->model->kernel, DAX_RULE_MEMMAP_ON_MEMORY);
}

#define DEVICE_ROWS                                                                      \
	{.name = "dev", .mode = 0444, .show = show_dev},                                 \
		{.name = "memmap_on_memory",                                             \
		 .mode = 0644,                                                           \
		 .show = show_memmap_on_memory,                                          \
		 .store = store_memmap_on_memory,                                        \
		 .is_visible = is_memmap_on_memory_known},                               \
		{.name = "modalias", .mode = 0444, .text = "dax:t0\n"}, SYSFS_NUMA_NODE, \
		{.name = "resource", .mode = 0400, .show = show_resource},               \
		{.name = "state",                                                        \
		 .mode = 0644,                                                           \
		 .show = dax_sysfs_show_kmem_state,                                      \
		 .store = dax_sysfs_store_kmem_state,                                    \
		 .is_visible = dax_sysfs_has_kmem_state},                                \
		SYSFS_TARGET_NODE,                                                       \
	{                                                                                \
		.name = "uevent", .mode = 0644, .show = show_uevent,                     \
		.store = dax_sysfs_store_uevent                                          \
	}

static const struct sysfs_attr static_device[] = {
	DEVICE_ROWS,
	{.name = "align", .mode = 0444, .show = show_align},
	{.name = "size", .mode = 0444, .show = show_size},
	{0},
};

static const struct sysfs_attr dynamic_device[] = {
	DEVICE_ROWS,
	{.name = "align", .mode = 0644, .show = show_align, .store = store_align},
	{.name = "mapping", .mode = 0200, .store = store_mapping},
	{.name = "size", .mode = 0644, .show = show_size, .store = store_size},
	{0},
};

static int show_start(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "0x%" PRIx64 "\n", obj->dev->ranges[obj->n].start);
}

static int show_end(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_range *range = &obj->dev->ranges[obj->n];

	return sprintf(buf, "0x%" PRIx64 "\n", range->start + range->len - 1);
}

static int show_page_offset(const struct sysfs_obj *obj, char *buf)
{
	uint64_t pages = 0;
	uint32_t i;

	for (i = 0; i < obj->n; i++)
		pages += obj->dev->ranges[i].len / DAX_PAGE;
	return sprintf(buf, "0x%" PRIx64 "\n", pages);
}

static const struct sysfs_attr mapping[] = {
	{.name = "end", .mode = 0400, .show = show_end},
	{.name = "page_offset", .mode = 0400, .show = show_page_offset},
	{.name = "start", .mode = 0400, .show = show_start},
	SYSFS_UEVENT(""),
	{0},
};

static int show_region_id(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 "\n", obj->region->id);
}

static int show_region_align(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", obj->region->align);
}

static int show_region_size(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", obj->region->size);
}

static int show_available_size(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", dax_region_available(obj->region));
}

static int show_name(const struct dax_region *region, bool has_name, uint32_t id,
		     char *buf)
{
	if (!has_name)
		return sprintf(buf, "\n");
	return sprintf(buf, "dax%" PRIu32 ".%" PRIu32 "\n", region->id, id);
}

static int show_seed(const struct sysfs_obj *obj, char *buf)
{
	return show_name(obj->region, obj->region->has_seed, obj->region->seed, buf);
}

static int show_create(const struct sysfs_obj *obj, char *buf)
{
	return show_name(obj->region, obj->region->has_youngest, obj->region->youngest,
			 buf);
}

static int store_create(const struct sysfs_at *at, char *text)
{
	int value;
	int r;

	r = dax_kstr_int(text, &value);
	if (r < 0)
		return r;
	if (value != 1)
		return -EINVAL;
	return dax_region_create(at->model, at->region, NULL);
}

/* The caller of dax_sysfs_store() releases the minor when no client holds the device. */
static int store_delete(const struct sysfs_at *at, char *text)
{
	return dax_region_delete(at->model, at->region, dax_kstr_chomp(text), true);
}

/* A static region's directory is that of one device: its size is the device's. */
static const struct sysfs_attr static_region[] = {
	{.name = "align", .mode = 0400, .show = show_align},
	{.name = "id", .mode = 0444, .show = show_region_id},
	{.name = "size", .mode = 0444, .show = show_size},
	{0},
};

static const struct sysfs_attr dynamic_region[] = {
	{.name = "align", .mode = 0400, .show = show_region_align},
	{.name = "available_size", .mode = 0444, .show = show_available_size},
	{.name = "create", .mode = 0644, .show = show_create, .store = store_create},
	{.name = "delete", .mode = 0200, .store = store_delete},
	{.name = "id", .mode = 0444, .show = show_region_id},
	{.name = "seed", .mode = 0444, .show = show_seed},
	{.name = "size", .mode = 0444, .show = show_region_size},
	{0},
};

static const char *driver_dir(enum dax_driver driver, char buf[DAX_SYSFS_PATH_MAX])
{
	snprintf(buf, DAX_SYSFS_PATH_MAX, DRIVERS "/%s", dax_driver_name(driver));
	return buf;
}

static void walk_device(struct sysfs_walk *walk, const struct dax_dev *dev)
{
	bool is_static = dax_region_is_nd(dev->region);
	struct sysfs_obj obj = {
		.model = dax_sysfs_model(walk),
		.region = dev->region,
		.dev = dev,
	};
	char dir[DAX_SYSFS_PATH_MAX];
	char sub[DAX_SYSFS_PATH_MAX + 32];

	dax_sysfs_dev_dir(dev, dir);
	dax_sysfs_dir(walk, &obj, is_static ? static_device : dynamic_device, "%s", dir);
	dax_sysfs_power_dir(walk, &obj, dir);
	dax_sysfs_link(walk, "bus/dax", "%s/subsystem", dir);
	if (dev->is_bound)
		dax_sysfs_link(walk, driver_dir(dev->driver, sub), "%s/driver", dir);
	for (obj.n = 0; obj.n < dev->nr_ranges; obj.n++) {
		snprintf(sub, sizeof(sub), "%s/mapping%" PRIu32, dir, obj.n);
		dax_sysfs_dir(walk, &obj, mapping, "%s", sub);
		dax_sysfs_power_dir(walk, &obj, sub);
	}
}

static void walk_dax_region(struct sysfs_walk *walk, const struct dax_region *region,
			    const struct dax_dev *dev)
{
	struct sysfs_obj obj = {
		.model = dax_sysfs_model(walk),
		.region = region,
		.dev = dev,
	};
	char dir[DAX_SYSFS_PATH_MAX];
	char name[DAX_NAME_LEN];

	dax_sysfs_region_dir(region, dir);
	if (dev)
		dax_sysfs_dir(walk, &obj, static_region, "%s/%s/dax_region", dir,
			      dax_dev_name(dev, name));
	else
		dax_sysfs_dir(walk, &obj, dynamic_region, "%s/dax_region", dir);
}

/**
 * dax_sysfs_walk_dax_devices() - visit the directories of dax devices and regions
 * @walk:	the walk, in which the nd and platform devices have been visited
 */
void dax_sysfs_walk_dax_devices(struct sysfs_walk *walk)
{
	const struct dax_region *region;
	const struct dax_dev *dev;

	dax_for_each_region (region, dax_sysfs_model(walk)) {
		if (dax_region_is_dynamic(region) && !region->is_hmem_gone)
			walk_dax_region(walk, region, NULL);
		dax_for_each_device (dev, region) {
			if (dax_region_is_nd(region))
				walk_dax_region(walk, region, dev);
			walk_device(walk, dev);
		}
	}
}

static int store_bind(const struct sysfs_at *at, char *text)
{
	struct dax_dev *dev = dax_model_find(at->model, dax_kstr_chomp(text));

	return dev ? dax_driver_bind(at->model, (enum dax_driver)at->n, dev) : -ENODEV;
}

static int store_unbind(const struct sysfs_at *at, char *text)
{
	struct dax_dev *dev = dax_model_find(at->model, dax_kstr_chomp(text));

	return dev ? dax_driver_unbind(at->model, (enum dax_driver)at->n, dev) : -ENODEV;
}

/*
 * Return 0 whether or not a driver took the device (drivers/base/bus.c). On the machines
 * that the recordings are of, the other drivers are not loaded when it is written.
 */
static int store_drivers_probe(const struct sysfs_at *at, char *text)
{
	struct dax_dev *dev = dax_model_find(at->model, dax_kstr_chomp(text));

	if (!dev)
		return -ENODEV;
	dax_driver_bind(at->model, DAX_DRIVER_DEVICE, dev);
	return 0;
}

static int store_new_id(const struct sysfs_at *at, char *text)
{
	return dax_driver_new_id(at->model, (enum dax_driver)at->n, dax_kstr_chomp(text));
}

static int store_remove_id(const struct sysfs_at *at, char *text)
{
	return dax_driver_remove_id(at->model, (enum dax_driver)at->n,
				    dax_kstr_chomp(text));
}

static int show_autoprobe(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->model->has_dax_autoprobe);
}

/* New devices have no size and cannot be bound, so the value has no effect. */
static int store_autoprobe(const struct sysfs_at *at, char *text)
{
	at->model->has_dax_autoprobe = *text != '0';
	return 0;
}

static const struct sysfs_attr dax_bus[] = {
	{.name = "drivers_autoprobe",
	 .mode = 0644,
	 .show = show_autoprobe,
	 .store = store_autoprobe},
	{.name = "drivers_probe", .mode = 0200, .store = store_drivers_probe},
	SYSFS_UEVENT_WO,
	{0},
};

/* Of each driver; n of the object is its number. */
static const struct sysfs_attr dax_driver[] = {
	{.name = "bind", .mode = 0200, .store = store_bind},
	{.name = "new_id", .mode = 0200, .store = store_new_id},
	{.name = "remove_id", .mode = 0200, .store = store_remove_id},
	SYSFS_UEVENT_WO,
	{.name = "unbind", .mode = 0200, .store = store_unbind},
	{0},
};

/**
 * dax_sysfs_walk_dax_bus() - visit the dax bus and its links in /sys/dev/char
 * @walk:	the walk
 */
void dax_sysfs_walk_dax_bus(struct sysfs_walk *walk)
{
	const struct dax_model *model = dax_sysfs_model(walk);
	struct sysfs_obj obj = {.model = model};
	const struct dax_region *region;
	const struct dax_dev *dev;
	char dir[DAX_SYSFS_PATH_MAX];
	char module[DAX_SYSFS_PATH_MAX];
	char name[DAX_NAME_LEN];

	dax_sysfs_dir(walk, &obj, dax_bus, "bus/dax");
	dax_sysfs_dir(walk, &obj, NULL, "bus/dax/devices");
	dax_sysfs_dir(walk, &obj, NULL, DRIVERS);
	for (obj.n = 0; obj.n < DAX_DRIVER_NR; obj.n++) {
		const enum dax_driver driver = (enum dax_driver)obj.n;

		if (!dax_driver_exists(driver, model->kernel))
			continue;
		dax_sysfs_dir(walk, &obj, dax_driver, "%s", driver_dir(driver, dir));
		snprintf(module, sizeof(module), "module/%s", dax_driver_name(driver));
		dax_sysfs_link(walk, module, "%s/module", dir);
	}
	dax_for_each_region (region, model) {
		dax_for_each_device (dev, region) {
			dax_sysfs_dev_dir(dev, dir);
			dax_dev_name(dev, name);
			dax_sysfs_link(walk, dir, "bus/dax/devices/%s", name);
			dax_sysfs_link(walk, dir, "dev/char/%" PRIu32 ":%" PRIu32,
				       model->major, dev->minor);
			if (dev->is_bound)
				dax_sysfs_link(walk, dir, DRIVERS "/%s/%s",
					       dax_driver_name(dev->driver), name);
		}
	}
}
