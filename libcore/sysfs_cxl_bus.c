/* SPDX-License-Identifier: BSD-2-Clause */
/* The CXL bus and its drivers in sysfs (drivers/cxl/core/port.c, drivers/base/bus.c). */
#include "libcore/sysfs_cxl_bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/cxl.h"
#include "libcore/cxl_commit.h"
#include "libcore/kstr.h"
#include "libcore/model.h"
#include "libcore/sysfs_cxl_object.h"

static int store_flush(const struct sysfs_at *at, char *text)
{
	(void)at;
	return strcmp(dax_kstr_chomp(text), "1") ? -EINVAL : 0;
}

/* A kind that no driver is for is ENODEV. */
static int bind_object(struct dax_model *model, const struct dax_cxl_object *object)
{
	if (object->kind == DAX_CXL_PORT)
		return dax_cxl_port_bind(model, object->n);
	if (object->kind == DAX_CXL_MEMDEV)
		return dax_cxl_memdev_bind(model, object->n);
	if (object->kind == DAX_CXL_REGION)
		return dax_cxl_region_bind(model,
					   dax_cxl_object_region(model, object->n));
	/* An endpoint exists only with its driver. */
	return object->kind == DAX_CXL_ENDPOINT ? -EBUSY : -ENODEV;
}

/* An endpoint takes the driver of its memory device with it. */
static int unbind_object(struct dax_model *model, const struct dax_cxl_object *object)
{
	if (object->kind == DAX_CXL_PORT)
		return dax_cxl_port_unbind(model, object->n);
	if (object->kind == DAX_CXL_REGION)
		return dax_cxl_region_unbind(model,
					     dax_cxl_object_region(model, object->n));
	return dax_cxl_memdev_unbind(model, object->n);
}

/* True if a driver of CXL is for this kind of device. */
static bool is_driver_of(const char *driver, enum dax_cxl_kind kind)
{
	if (!strcmp(driver, "cxl_port"))
		return kind == DAX_CXL_PORT || kind == DAX_CXL_ENDPOINT;
	return kind == (strcmp(driver, "cxl_mem") ? DAX_CXL_REGION : DAX_CXL_MEMDEV);
}

static int store_bind(const struct sysfs_at *at, char *text, const char *driver)
{
	struct dax_cxl_object object;

	if (!dax_cxl_object_find(at->model, text, &object) ||
	    !is_driver_of(driver, object.kind))
		return -ENODEV;
	return bind_object(at->model, &object);
}

static int store_unbind(const struct sysfs_at *at, char *text, const char *driver)
{
	struct dax_cxl_object object;

	if (!dax_cxl_object_find(at->model, text, &object) ||
	    !is_driver_of(driver, object.kind))
		return -ENODEV;
	return unbind_object(at->model, &object);
}

/* Return 0 whether or not a driver took the device (drivers/base/bus.c). */
static int store_drivers_probe(const struct sysfs_at *at, char *text)
{
	struct dax_cxl_object object;

	if (!dax_cxl_object_find(at->model, text, &object))
		return -ENODEV;
	bind_object(at->model, &object);
	return 0;
}

static int store_true(const struct sysfs_at *at, char *text)
{
	bool is_on;

	(void)at;
	return dax_kstr_bool(text, &is_on) < 0 || !is_on ? -EINVAL : 0;
}

static const struct sysfs_attr bus_attrs[] = {
	{.name = "drivers_autoprobe", .mode = 0644, .text = "1\n", .store = store_true},
	{.name = "drivers_probe", .mode = 0200, .store = store_drivers_probe},
	{.name = "flush", .mode = 0200, .store = store_flush},
	SYSFS_UEVENT_WO,
	{0},
};

#define DRIVER(who)                                                                      \
	static int store_bind_##who(const struct sysfs_at *at, char *text)               \
	{                                                                                \
		return store_bind(at, text, "cxl_" #who);                                \
	}                                                                                \
	static int store_unbind_##who(const struct sysfs_at *at, char *text)             \
	{                                                                                \
		return store_unbind(at, text, "cxl_" #who);                              \
	}                                                                                \
	static const struct sysfs_attr who##_driver[] = {                                \
		{.name = "bind", .mode = 0200, .store = store_bind_##who},               \
		SYSFS_UEVENT_WO,                                                         \
		{.name = "unbind", .mode = 0200, .store = store_unbind_##who},           \
		{0},                                                                     \
	}

DRIVER(mem);
DRIVER(port);
DRIVER(region);

static const struct sysfs_attr quiet_driver[] = {
	SYSFS_UEVENT_WO,
	{0},
};

static bool walk_links(void *ctx, const struct dax_cxl_object *object)
{
	const char *driver = dax_cxl_object_driver(object);
	struct sysfs_walk *walk = ctx;

	dax_sysfs_link(walk, object->dir, "bus/cxl/devices/%s", object->name);
	if (object->kind == DAX_CXL_MEMDEV)
		dax_sysfs_link(walk, object->dir, "dev/char/%" PRIu32 ":%" PRIu32,
			       object->model->cxl->major, object->n);
	if (driver)
		dax_sysfs_link(walk, object->dir, SYSFS_CXL_DRIVERS "/%s/%s", driver,
			       object->name);
	return false;
}

/**
 * dax_sysfs_walk_cxl_bus() - visit the CXL bus
 * @walk:	the walk
 */
void dax_sysfs_walk_cxl_bus(struct sysfs_walk *walk)
{
	static const struct {
		const char *name;
		const char *module;
		const struct sysfs_attr *attrs;
		bool is_for_pmem;
	} drivers[] = {
		{"cxl_dax_region", "dax_cxl", quiet_driver, false},
		{"cxl_mem", "cxl_mem", mem_driver, false},
		{"cxl_nvdimm", "cxl_pmem", quiet_driver, true},
		{"cxl_nvdimm_bridge", "cxl_pmem", quiet_driver, true},
		{"cxl_pmem_region", "cxl_pmem", quiet_driver, true},
		{"cxl_port", "cxl_port", port_driver, false},
		{"cxl_region", "cxl_core", region_driver, false},
	};
	const struct dax_model *model = dax_sysfs_model(walk);
	char module[DAX_SYSFS_PATH_MAX];
	size_t i;

	if (!model->cxl)
		return;
	dax_sysfs_dir(walk, NULL, bus_attrs, "bus/cxl");
	dax_sysfs_dir(walk, NULL, NULL, "bus/cxl/devices");
	dax_sysfs_dir(walk, NULL, NULL, "class/firmware");
	dax_sysfs_dir(walk, NULL, NULL, SYSFS_CXL_DRIVERS);
	for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (drivers[i].is_for_pmem && !dax_cxl_has_pmem(model))
			continue;
		dax_sysfs_dir(walk, NULL, drivers[i].attrs, SYSFS_CXL_DRIVERS "/%s",
			      drivers[i].name);
		snprintf(module, sizeof(module), "module/%s", drivers[i].module);
		dax_sysfs_link(walk, module, SYSFS_CXL_DRIVERS "/%s/module",
			       drivers[i].name);
	}
	dax_cxl_object_visit(model, walk_links, walk);
}
