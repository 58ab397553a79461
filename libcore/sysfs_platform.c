/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of sysfs above and beside the dax and nd buses: the platform devices that
 * the regions hang under, as much of their bus as the links need, and the modules.
 */
#include "libcore/sysfs_platform.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/driver.h"
#include "libcore/kstr.h"
#include "libcore/cxl.h"
#include "libcore/model.h"
#include "libcore/model_nd.h"
#include "libcore/sysfs_dax.h"
#include "libcore/sysfs_node.h"
#include "libcore/sysfs_walk.h"

#define HMEM_PLATFORM_DRIVER "bus/platform/drivers/hmem_platform"

/* Not emulated. Clearing it is allowed, since it is empty. */
static int store_driver_override(const struct sysfs_at *at, char *text)
{
	(void)at;
	return *dax_kstr_chomp(text) ? -EBUSY : 0;
}

static bool has_numa_node(const struct sysfs_obj *obj)
{
	return obj->region->numa_node >= 0;
}

#define DRIVER_OVERRIDE                                                                  \
	{                                                                                \
		.name = "driver_override", .mode = 0644, .text = "(null)\n",             \
		.store = store_driver_override                                           \
	}

static int show_e820_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%sMODALIAS=platform:e820_pmem\n",
		       obj->model->is_nd_gone ? "" : "DRIVER=e820_pmem\n");
}

static const struct sysfs_attr e820_attrs[] = {
	DRIVER_OVERRIDE,
	{.name = "modalias", .mode = 0444, .text = "platform:e820_pmem\n"},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_e820_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

static int show_hmem_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%sMODALIAS=platform:hmem\n",
		       obj->region->is_hmem_gone ? "" : "DRIVER=hmem\n");
}

static const struct sysfs_attr hmem_attrs[] = {
	DRIVER_OVERRIDE,
	{.name = "modalias", .mode = 0444, .text = "platform:hmem\n"},
	{.name = "numa_node",
	 .mode = 0444,
	 .show = dax_sysfs_show_numa_node,
	 .is_visible = has_numa_node},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_hmem_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

static const struct sysfs_attr hmem_platform_attrs[] = {
	DRIVER_OVERRIDE,
	{.name = "modalias", .mode = 0444, .text = "platform:hmem_platform\n"},
	SYSFS_UEVENT("DRIVER=hmem_platform\nMODALIAS=platform:hmem_platform\n"),
	{0},
};

/* True if a platform device stands for all soft-reserved memory. */
static bool has_hmem_platform(const struct dax_model *model)
{
	return dax_sysfs_has_type(model, DAX_REGION_DYNAMIC) &&
	       dax_kernel_has(model->kernel, DAX_RULE_HMEM_PLATFORM);
}

static void walk_platform_device(struct sysfs_walk *walk, const struct sysfs_obj *obj,
				 const struct sysfs_attr *attrs, const char *dir,
				 const char *driver)
{
	dax_sysfs_dir(walk, obj, attrs, "%s", dir);
	dax_sysfs_power_dir(walk, obj, dir);
	if (driver)
		dax_sysfs_link(walk, driver, "%s/driver", dir);
	dax_sysfs_link(walk, "bus/platform", "%s/subsystem", dir);
}

/**
 * dax_sysfs_walk_platform_devices() - visit the platform devices that the regions need
 * @walk:	the walk
 */
void dax_sysfs_walk_platform_devices(struct sysfs_walk *walk)
{
	struct sysfs_obj obj = {.model = dax_sysfs_model(walk)};
	const struct dax_region *region;
	char dir[DAX_SYSFS_PATH_MAX];

	if (dax_sysfs_has_type(dax_sysfs_model(walk), DAX_REGION_STATIC))
		walk_platform_device(walk, &obj, e820_attrs, SYSFS_E820,
				     obj.model->is_nd_gone
					     ? NULL
					     : "bus/platform/drivers/e820_pmem");
	if (has_hmem_platform(obj.model))
		walk_platform_device(walk, &obj, hmem_platform_attrs,
				     "devices/platform/" SYSFS_HMEM_PLATFORM,
				     HMEM_PLATFORM_DRIVER);
	dax_for_each_region (region, dax_sysfs_model(walk)) {
		if (region->type != DAX_REGION_DYNAMIC)
			continue;
		obj.region = region;
		walk_platform_device(walk, &obj, hmem_attrs,
				     dax_sysfs_region_dir(region, dir),
				     region->is_hmem_gone ? NULL
							  : "bus/platform/drivers/hmem");
	}
}

static int store_e820_bind(const struct sysfs_at *at, char *text)
{
	if (strcmp(dax_kstr_chomp(text), "e820_pmem"))
		return -ENODEV;
	return dax_nd_platform_bind(at->model);
}

static int store_e820_unbind(const struct sysfs_at *at, char *text)
{
	if (strcmp(dax_kstr_chomp(text), "e820_pmem"))
		return -ENODEV;
	return dax_nd_platform_unbind(at->model);
}

static const struct sysfs_attr e820_driver[] = {
	{.name = "bind", .mode = 0200, .store = store_e820_bind},
	{.name = "unbind", .mode = 0200, .store = store_e820_unbind},
	SYSFS_UEVENT_WO,
	{0},
};

static struct dax_region *find_hmem(const struct sysfs_at *at, char *text)
{
	const char *name = dax_kstr_chomp(text);
	struct dax_region *region;
	char own[32];

	dax_for_each_region (region, at->model) {
		snprintf(own, sizeof(own), "hmem.%" PRIu32, region->id);
		if (region->type == DAX_REGION_DYNAMIC && !strcmp(own, name))
			return region;
	}
	return NULL;
}

static int store_hmem_bind(const struct sysfs_at *at, char *text)
{
	struct dax_region *region = find_hmem(at, text);

	return region ? dax_region_bind(at->model, region) : -ENODEV;
}

static int store_hmem_unbind(const struct sysfs_at *at, char *text)
{
	struct dax_region *region = find_hmem(at, text);

	return region ? dax_region_unbind(region) : -ENODEV;
}

static const struct sysfs_attr hmem_driver[] = {
	{.name = "bind", .mode = 0200, .store = store_hmem_bind},
	{.name = "unbind", .mode = 0200, .store = store_hmem_unbind},
	SYSFS_UEVENT_WO,
	{0},
};

/* The device stays bound: unbinding it is not emulated. */
static int store_busy(const struct sysfs_at *at, char *text)
{
	(void)at;
	return strcmp(dax_kstr_chomp(text), SYSFS_HMEM_PLATFORM) ? -ENODEV : -EBUSY;
}

static const struct sysfs_attr hmem_platform_driver[] = {
	{.name = "bind", .mode = 0200, .store = store_busy},
	{.name = "unbind", .mode = 0200, .store = store_busy},
	SYSFS_UEVENT_WO,
	{0},
};

static void walk_driver(struct sysfs_walk *walk, const struct sysfs_attr *attrs,
			const char *driver, const char *module)
{
	char target[DAX_SYSFS_PATH_MAX];

	dax_sysfs_dir(walk, NULL, attrs, "%s", driver);
	snprintf(target, sizeof(target), "module/%s", module);
	dax_sysfs_link(walk, target, "%s/module", driver);
}

/**
 * dax_sysfs_walk_platform_bus() - visit as much of the platform bus as the links need
 * @walk:	the walk
 */
void dax_sysfs_walk_platform_bus(struct sysfs_walk *walk)
{
	bool has_static = dax_sysfs_has_type(dax_sysfs_model(walk), DAX_REGION_STATIC);
	bool has_dynamic = dax_sysfs_has_type(dax_sysfs_model(walk), DAX_REGION_DYNAMIC);
	const struct dax_region *region;
	char dir[DAX_SYSFS_PATH_MAX];

	dax_sysfs_dir(walk, NULL, NULL, "bus/platform");
	dax_sysfs_dir(walk, NULL, NULL, "bus/platform/devices");
	dax_sysfs_dir(walk, NULL, NULL, "bus/platform/drivers");
	if (has_static) {
		walk_driver(walk, e820_driver, "bus/platform/drivers/e820_pmem",
			    "nd_e820");
		dax_sysfs_link(walk, SYSFS_E820, "bus/platform/devices/e820_pmem");
		if (!dax_sysfs_model(walk)->is_nd_gone)
			dax_sysfs_link(walk, SYSFS_E820,
				       "bus/platform/drivers/e820_pmem/e820_pmem");
	}
	if (has_hmem_platform(dax_sysfs_model(walk))) {
		walk_driver(walk, hmem_platform_driver, HMEM_PLATFORM_DRIVER, "dax_hmem");
		dax_sysfs_link(walk, "devices/platform/" SYSFS_HMEM_PLATFORM,
			       "bus/platform/devices/" SYSFS_HMEM_PLATFORM);
		dax_sysfs_link(walk, "devices/platform/" SYSFS_HMEM_PLATFORM,
			       HMEM_PLATFORM_DRIVER "/" SYSFS_HMEM_PLATFORM);
	}
	if (has_dynamic)
		walk_driver(walk, hmem_driver, "bus/platform/drivers/hmem", "dax_hmem");
	dax_for_each_region (region, dax_sysfs_model(walk)) {
		if (region->type != DAX_REGION_DYNAMIC)
			continue;
		dax_sysfs_region_dir(region, dir);
		dax_sysfs_link(walk, dir, "bus/platform/devices/hmem.%" PRIu32,
			       region->id);
		if (!region->is_hmem_gone)
			dax_sysfs_link(walk, dir,
				       "bus/platform/drivers/hmem/hmem.%" PRIu32,
				       region->id);
	}
}

/* The users are dax_pmem, nd_btt, nd_pmem, and nd_e820 or cxl_pmem. */
static int show_libnvdimm_refs(const struct sysfs_obj *obj, char *buf)
{
	bool has_users = dax_sysfs_has_nd_drivers(obj->model);

	return sprintf(buf, "%d\n", has_users ? 4 : 0);
}

#define INITSTATE                                                                        \
	{                                                                                \
		.name = "initstate", .mode = 0444, .text = "live\n"                      \
	}

static const struct sysfs_attr unused_module[] = {
	INITSTATE,
	{.name = "refcnt", .mode = 0444, .text = "0\n"},
	{0},
};

/* nd_pmem uses nd_btt, a region uses nd_e820. */
static const struct sysfs_attr used_module[] = {
	INITSTATE,
	{.name = "refcnt", .mode = 0444, .text = "1\n"},
	{0},
};

static const struct sysfs_attr libnvdimm_module[] = {
	INITSTATE,
	{.name = "refcnt", .mode = 0444, .show = show_libnvdimm_refs},
	{0},
};

#define STATIC  (1u << DAX_REGION_STATIC)
#define DYNAMIC (1u << DAX_REGION_DYNAMIC)
#define CXL     (1u << DAX_REGION_CXL)
#define PMEM    (1u << DAX_REGION_CXL_PMEM)
#define ALWAYS  (STATIC | DYNAMIC | CXL | PMEM)

/* The modules, and the kinds of regions that load them. */
static const struct {
	const char *name;
	const struct sysfs_attr *attrs;
	unsigned int types;
} modules[] = {
	{"cxl_acpi", unused_module, CXL},
	{"cxl_core", unused_module, CXL},
	{"cxl_mem", unused_module, CXL},
	{"cxl_pci", unused_module, CXL},
	{"cxl_pmem", unused_module, CXL},
	{"cxl_port", unused_module, CXL},
	{"dax_cxl", unused_module, CXL},
	{"dax_hmem", unused_module, DYNAMIC},
	{"dax_pmem", unused_module, STATIC | PMEM},
	{"libnvdimm", libnvdimm_module, ALWAYS},
	{"nd_btt", used_module, STATIC | PMEM},
	{"nd_e820", used_module, STATIC},
	{"nd_pmem", unused_module, STATIC | PMEM},
};

/**
 * dax_sysfs_walk_modules() - visit the modules
 * @walk:	the walk
 */
void dax_sysfs_walk_modules(struct sysfs_walk *walk)
{
	const struct sysfs_obj obj = {.model = dax_sysfs_model(walk)};
	unsigned int types = 0;
	size_t i;

	if (dax_sysfs_has_type(obj.model, DAX_REGION_STATIC))
		types |= STATIC;
	if (dax_sysfs_has_type(obj.model, DAX_REGION_DYNAMIC))
		types |= DYNAMIC;
	if (obj.model->cxl)
		types |= CXL;
	if (dax_cxl_has_pmem(obj.model))
		types |= PMEM;
	dax_sysfs_dir(walk, NULL, NULL, "module");
	/* A module that the kernel does not have is here, too: else daxctl loads the machine's. */
	for (i = 0; i < DAX_DRIVER_NR; i++)
		dax_sysfs_dir(walk, &obj, unused_module, "module/%s",
			      dax_driver_name((enum dax_driver)i));
	for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (modules[i].types == ALWAYS || modules[i].types & types)
			dax_sysfs_dir(walk, &obj, modules[i].attrs, "module/%s",
				      modules[i].name);
}
