/* SPDX-License-Identifier: BSD-2-Clause */
/* The nd bus in sysfs: its drivers, its class, and its links to the devices of sysfs_nd.c. */
#include "libcore/sysfs_nd_bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/kstr.h"
#include "libcore/model.h"
#include "libcore/model_nd.h"
#include "libcore/sysfs_nd.h"
#include "libcore/sysfs_node.h"
#include "libcore/sysfs_walk.h"

static int show_autoprobe(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->model->has_nd_autoprobe);
}

static int store_autoprobe(const struct sysfs_at *at, char *text)
{
	at->model->has_nd_autoprobe = *text != '0';
	return 0;
}

/* True if the bus has a device of that name. */
static bool has_device(const struct dax_model *model, const char *name)
{
	char path[DAX_SYSFS_PATH_MAX];

	snprintf(path, sizeof(path), "bus/nd/devices/%.64s", name);
	return dax_sysfs_has_node(model, dax_sysfs_walk_nd_bus, path);
}

/* The device of an nd device whose name begins with @prefix; NULL if there is none. */
static struct dax_dev *find_dev(const struct dax_model *model, const char *name,
				const char *prefix)
{
	size_t len = strlen(prefix);
	char dax[DAX_NAME_LEN];
	uint32_t region;
	uint32_t id;

	if (strncmp(name, prefix, len) || strlen(name + len) >= sizeof(dax) - 3)
		return NULL;
	sprintf(dax, "dax%s", name + len);
	if (dax_name_parse(dax, &region, &id) < 0 || !has_device(model, name))
		return NULL;
	return dax_nd_find(model, region, id);
}

static struct dax_region *find_region(const struct dax_model *model, const char *name)
{
	struct dax_region *region;
	char own[32];

	if (!has_device(model, name))
		return NULL;
	dax_for_each_region (region, model) {
		snprintf(own, sizeof(own), "region%" PRIu32, region->id);
		if (dax_region_is_nd(region) && !strcmp(own, name))
			return region;
	}
	return NULL;
}

static int store_drivers_probe(const struct sysfs_at *at, char *text)
{
	const char *name = dax_kstr_chomp(text);
	struct dax_dev *dev;

	if (!has_device(at->model, name))
		return -ENODEV;
	dev = find_dev(at->model, name, "namespace");
	if (dev)
		dax_nd_probe(at->model, dev);
	dev = find_dev(at->model, name, "dax");
	if (dev)
		dax_nd_bind(at->model, dev);
	return 0;
}

static const struct sysfs_attr nd_bus[] = {
	{.name = "drivers_autoprobe",
	 .mode = 0644,
	 .show = show_autoprobe,
	 .store = store_autoprobe},
	{.name = "drivers_probe", .mode = 0200, .store = store_drivers_probe},
	SYSFS_UEVENT_WO,
	{0},
};

static int store_dax_pmem_bind(const struct sysfs_at *at, char *text)
{
	struct dax_dev *dev = find_dev(at->model, dax_kstr_chomp(text), "dax");

	return dev ? dax_nd_bind(at->model, dev) : -ENODEV;
}

static int store_dax_pmem_unbind(const struct sysfs_at *at, char *text)
{
	struct dax_dev *dev = find_dev(at->model, dax_kstr_chomp(text), "dax");

	return dev ? dax_nd_unbind(dev) : -ENODEV;
}

static int store_nd_pmem_bind(const struct sysfs_at *at, char *text)
{
	struct dax_dev *dev = find_dev(at->model, dax_kstr_chomp(text), "namespace");

	return dev ? dax_nd_probe(at->model, dev) : -ENODEV;
}

static int store_nd_region_bind(const struct sysfs_at *at, char *text)
{
	struct dax_region *region = find_region(at->model, dax_kstr_chomp(text));

	return region ? dax_nd_region_bind(at->model, region) : -ENODEV;
}

static int store_nd_region_unbind(const struct sysfs_at *at, char *text)
{
	struct dax_region *region = find_region(at->model, dax_kstr_chomp(text));

	return region ? dax_nd_region_unbind(region) : -ENODEV;
}

static const struct sysfs_attr dax_pmem[] = {
	{.name = "bind", .mode = 0200, .store = store_dax_pmem_bind},
	{.name = "unbind", .mode = 0200, .store = store_dax_pmem_unbind},
	SYSFS_UEVENT_WO,
	{0},
};

static const struct sysfs_attr nd_pmem[] = {
	{.name = "bind", .mode = 0200, .store = store_nd_pmem_bind},
	{.name = "unbind", .mode = 0200, .store = dax_sysfs_store_nodev},
	SYSFS_UEVENT_WO,
	{0},
};

static const struct sysfs_attr nd_region_driver[] = {
	{.name = "bind", .mode = 0200, .store = store_nd_region_bind},
	{.name = "unbind", .mode = 0200, .store = store_nd_region_unbind},
	SYSFS_UEVENT_WO,
	{0},
};

/* DIMMs keep their driver. */
static const struct sysfs_attr nvdimm[] = {
	{.name = "bind", .mode = 0200, .store = dax_sysfs_store_nodev},
	{.name = "unbind", .mode = 0200, .store = dax_sysfs_store_nodev},
	SYSFS_UEVENT_WO,
	{0},
};

static const struct sysfs_attr nd_bus_driver[] = {
	SYSFS_UEVENT_WO,
	{0},
};

/* The drivers that exist even without namespaces are libnvdimm's own. */
static const struct {
	const char *name;
	const char *module;
	const struct sysfs_attr *attrs;
	bool is_for_namespaces;
} drivers[] = {
	{"dax_pmem", "dax_pmem", dax_pmem, true},
	{"nd_bus", "libnvdimm", nd_bus_driver, false},
	{"nd_pmem", "nd_pmem", nd_pmem, true},
	{"nd_region", "libnvdimm", nd_region_driver, false},
	{"nvdimm", "libnvdimm", nvdimm, false},
};

static void walk_device_link(struct sysfs_walk *walk,
			     const struct dax_sysfs_nd_device *dev, const char *arg)
{
	(void)arg;
	dax_sysfs_link(walk, dev->dir, "bus/nd/devices/%s", dev->name);
}

static void walk_driver_link(struct sysfs_walk *walk,
			     const struct dax_sysfs_nd_device *dev, const char *driver)
{
	if (dev->driver && !strcmp(dev->driver, driver))
		dax_sysfs_link(walk, dev->dir, "bus/nd/drivers/%s/%s", driver, dev->name);
}

/**
 * dax_sysfs_walk_nd_bus() - visit the nd bus, its class and its link in /sys/dev/char
 * @walk:	the walk
 *
 * Without persistent memory the bus and the class exist, but are empty.
 */
void dax_sysfs_walk_nd_bus(struct sysfs_walk *walk)
{
	const struct dax_model *model = dax_sysfs_model(walk);
	bool has_namespaces = dax_sysfs_has_nd_drivers(model);
	struct sysfs_obj obj = {.model = model};
	char module[64];
	uint32_t i;

	dax_sysfs_dir(walk, &obj, nd_bus, "bus/nd");
	dax_sysfs_dir(walk, &obj, NULL, "bus/nd/devices");
	dax_sysfs_for_each_nd_device(walk, walk_device_link, NULL);
	dax_sysfs_dir(walk, &obj, NULL, "bus/nd/drivers");
	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (drivers[i].is_for_namespaces && !has_namespaces)
			continue;
		obj.n = i;
		dax_sysfs_dir(walk, &obj, drivers[i].attrs, "bus/nd/drivers/%s",
			      drivers[i].name);
		snprintf(module, sizeof(module), "module/%s", drivers[i].module);
		dax_sysfs_link(walk, module, "bus/nd/drivers/%s/module", drivers[i].name);
		dax_sysfs_for_each_nd_device(walk, walk_driver_link, drivers[i].name);
	}
	dax_sysfs_dir(walk, &obj, NULL, "class/nd");
	if (dax_sysfs_has_nd(model)) {
		char dir[DAX_SYSFS_PATH_MAX];

		snprintf(dir, sizeof(dir), "%s/nd/ndctl0", dax_sysfs_ndbus_dir(model));
		dax_sysfs_link(walk, dir, "class/nd/ndctl0");
		dax_sysfs_link(walk, dir, "dev/char/%" PRIu32 ":0", model->ndctl_major);
	}
}
