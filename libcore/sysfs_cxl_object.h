/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices of the CXL bus: names, directories, drivers; for sysfs_cxl*.c only.
 *
 * `n` of an object is, by its kind, the number of a window, of a host bridge, of a memory
 * device, of a decoder (host bridge or memory device times DAX_CXL_DECODERS, plus the
 * decoder's), or the id of a region times DAX_CXL_WAYS, plus the position of a target.
 */
#ifndef DAX_SYSFS_CXL_OBJECT_H
#define DAX_SYSFS_CXL_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/cxl.h"
#include "libcore/model.h"
#include "libcore/sysfs_node.h"

#define SYSFS_CXL_ROOT  "devices/platform/ACPI0017:00/root0"
#define SYSFS_CXL_NDBUS SYSFS_CXL_ROOT "/nvdimm-bridge0/ndbus0"

enum dax_cxl_kind {
	DAX_CXL_ROOT,
	DAX_CXL_WINDOW, /* root decoder */
	DAX_CXL_PORT,   /* of a host bridge */
	DAX_CXL_SWITCH, /* decoder of a port */
	DAX_CXL_ENDPOINT,
	DAX_CXL_DECODER, /* of an endpoint */
	DAX_CXL_MEMDEV,
	DAX_CXL_REGION,
	DAX_CXL_DAX_REGION,
	/* Of persistent memory. */
	DAX_CXL_NVDIMM_BRIDGE,
	DAX_CXL_NVDIMM, /* of a memory device */
	DAX_CXL_PMEM_REGION,
};

struct dax_cxl_object {
	const struct dax_model *model;
	enum dax_cxl_kind kind;
	uint32_t n;
	char name[32];
	char dir[DAX_SYSFS_PATH_MAX]; /* below /sys */
};

typedef bool (*dax_cxl_object_fn)(void *ctx, const struct dax_cxl_object *object);

bool dax_cxl_object_visit(const struct dax_model *model, dax_cxl_object_fn fn, void *ctx);
bool dax_cxl_object_find(const struct dax_model *model, char *text,
			 struct dax_cxl_object *ret);
const char *dax_cxl_object_driver(const struct dax_cxl_object *object);

struct dax_cxl_region *dax_cxl_object_region(const struct dax_model *model, uint32_t n);
uint32_t dax_cxl_object_nr_switches(const struct dax_cxl_bridge *bridge);

/* Directories below /sys, written into @buf of DAX_SYSFS_PATH_MAX bytes and returned. */
const char *dax_cxl_host_dir(uint32_t bridge, char *buf);
const char *dax_cxl_slot_dir(uint32_t bridge, uint32_t slot, char *buf);
const char *dax_cxl_pci_dir(const struct dax_cxl *cxl, uint32_t memdev, char *buf);
const char *dax_cxl_region_dir(const struct dax_model *model, uint32_t id, char *buf);
uint32_t dax_cxl_host_bus(uint32_t bridge);

#endif
