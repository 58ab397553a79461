/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices of the CXL bus in sysfs, and the hosts they are below. */
#include "libcore/sysfs_cxl.h"

#include <inttypes.h>
#include <stdio.h>

#include "libcore/cxl.h"
#include "libcore/model.h"
#include "libcore/sysfs_cxl_bus.h"
#include "libcore/sysfs_cxl_memdev.h"
#include "libcore/sysfs_cxl_object.h"
#include "libcore/sysfs_cxl_pmem.h"
#include "libcore/sysfs_cxl_port.h"
#include "libcore/sysfs_cxl_region.h"

#define PLATFORM "devices/platform/ACPI0017:00"

static const struct sysfs_attr *const tables[] = {
	[DAX_CXL_ROOT] = dax_sysfs_cxl_root_attrs,
	[DAX_CXL_WINDOW] = dax_sysfs_cxl_window_attrs,
	[DAX_CXL_PORT] = dax_sysfs_cxl_port_attrs,
	[DAX_CXL_SWITCH] = dax_sysfs_cxl_switch_attrs,
	[DAX_CXL_ENDPOINT] = dax_sysfs_cxl_endpoint_attrs,
	[DAX_CXL_DECODER] = dax_sysfs_cxl_decoder_attrs,
	[DAX_CXL_MEMDEV] = dax_sysfs_cxl_memdev_attrs,
	[DAX_CXL_REGION] = dax_sysfs_cxl_region_attrs,
	[DAX_CXL_DAX_REGION] = dax_sysfs_cxl_dax_region_attrs,
	[DAX_CXL_NVDIMM_BRIDGE] = dax_sysfs_cxl_nvdimm_bridge_attrs,
	[DAX_CXL_NVDIMM] = dax_sysfs_cxl_nvdimm_attrs,
	[DAX_CXL_PMEM_REGION] = dax_sysfs_cxl_pmem_region_attrs,
};

static void walk_hosts(struct sysfs_walk *walk, const struct dax_cxl *cxl)
{
	char dir[DAX_SYSFS_PATH_MAX];
	char acpi[DAX_SYSFS_PATH_MAX];
	uint32_t i;

	dax_sysfs_dir(walk, NULL, NULL, PLATFORM);
	for (i = 0; i < cxl->nr_bridges; i++) {
		dax_cxl_host_dir(i, dir);
		dax_sysfs_dir(walk, NULL, NULL, "%s", dir);
		/* cxl prints the name of the ACPI object as an alias. */
		snprintf(acpi, sizeof(acpi), "%.128s/ACPI0016:%02" PRIx32, dir, i);
		dax_sysfs_dir(walk, NULL, NULL, "%s", acpi);
		dax_sysfs_link(walk, acpi, "%s/firmware_node", dir);
	}
	for (i = 0; i < cxl->nr_memdevs; i++) {
		dax_cxl_slot_dir(dax_cxl_bridge_of(cxl, i), dax_cxl_slot_of(cxl, i), dir);
		dax_sysfs_dir(walk, NULL, NULL, "%s", dir);
		dax_sysfs_dir(walk, NULL, NULL, "%s", dax_cxl_pci_dir(cxl, i, dir));
	}
}

static void walk_root(struct sysfs_walk *walk, const struct dax_cxl *cxl)
{
	char host[DAX_SYSFS_PATH_MAX];
	uint32_t i;

	dax_sysfs_link(walk, PLATFORM, SYSFS_CXL_ROOT "/uport");
	for (i = 0; i < cxl->nr_bridges; i++)
		dax_sysfs_link(walk, dax_cxl_host_dir(i, host),
			       SYSFS_CXL_ROOT "/dport%" PRIu32, dax_cxl_host_bus(i));
}

static void walk_port(struct sysfs_walk *walk, const struct dax_cxl_object *object)
{
	const uint32_t bridge = object->n;
	const struct dax_cxl_bridge *b = &object->model->cxl->bridges[bridge];
	char target[DAX_SYSFS_PATH_MAX];
	uint32_t i;

	dax_cxl_host_dir(bridge, target);
	dax_sysfs_link(walk, target, "%s/uport", object->dir);
	dax_sysfs_link(walk, target, "%s/parent_dport", object->dir);
	for (i = 0; i < b->nr_slots; i++)
		if (b->dports >> i & 1)
			dax_sysfs_link(walk, dax_cxl_slot_dir(bridge, i, target),
				       "%s/dport%" PRIu32, object->dir, i);
}

static void walk_endpoint(struct sysfs_walk *walk, const struct dax_cxl_object *object)
{
	const struct dax_cxl *cxl = object->model->cxl;
	char target[DAX_SYSFS_PATH_MAX];
	char memdev[DAX_SYSFS_PATH_MAX];

	snprintf(memdev, sizeof(memdev), "%.128s/mem%" PRIu32,
		 dax_cxl_pci_dir(cxl, object->n, target), object->n);
	dax_sysfs_link(walk, memdev, "%s/uport", object->dir);
	dax_cxl_slot_dir(dax_cxl_bridge_of(cxl, object->n),
			 dax_cxl_slot_of(cxl, object->n), target);
	dax_sysfs_link(walk, target, "%s/parent_dport", object->dir);
}

static bool walk_object(void *ctx, const struct dax_cxl_object *object)
{
	const struct sysfs_obj obj = {.model = object->model, .n = object->n};
	const char *driver = dax_cxl_object_driver(object);
	struct sysfs_walk *walk = ctx;
	char target[DAX_SYSFS_PATH_MAX];

	dax_sysfs_dir(walk, &obj, tables[object->kind], "%s", object->dir);
	dax_sysfs_link(walk, "bus/cxl", "%s/subsystem", object->dir);
	if (driver) {
		snprintf(target, sizeof(target), SYSFS_CXL_DRIVERS "/%s", driver);
		dax_sysfs_link(walk, target, "%s/driver", object->dir);
	}
	if (object->kind == DAX_CXL_ROOT)
		walk_root(walk, object->model->cxl);
	else if (object->kind == DAX_CXL_PORT)
		walk_port(walk, object);
	else if (object->kind == DAX_CXL_ENDPOINT)
		walk_endpoint(walk, object);
	else if (object->kind == DAX_CXL_MEMDEV)
		dax_sysfs_walk_cxl_memdev(walk, &obj, object->dir);
	else if (object->kind == DAX_CXL_REGION)
		dax_sysfs_walk_cxl_region(walk, &obj, object->dir);
	return false;
}

/**
 * dax_sysfs_walk_cxl_devices() - visit the CXL bus's devices, except dax devices
 * @walk:	the walk
 */
void dax_sysfs_walk_cxl_devices(struct sysfs_walk *walk)
{
	const struct dax_model *model = dax_sysfs_model(walk);

	if (!model->cxl)
		return;
	walk_hosts(walk, model->cxl);
	dax_cxl_object_visit(model, walk_object, walk);
}
