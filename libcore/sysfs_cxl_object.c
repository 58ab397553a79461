/* SPDX-License-Identifier: BSD-2-Clause */
/* The devices of the CXL bus: names, directories, drivers. */
#include "libcore/sysfs_cxl_object.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libcore/cxl_region.h"
#include "libcore/kstr.h"

/**
 * dax_cxl_host_bus() - number of a host bridge's PCI bus
 * @bridge:	the host bridge
 *
 * Return: the number, which is also that of its dport.
 */
uint32_t dax_cxl_host_bus(uint32_t bridge)
{
	static const uint8_t buses[DAX_CXL_BRIDGES] = {0x0c, 0xde, 0x60, 0xa0};

	return buses[bridge];
}

/**
 * dax_cxl_host_dir() - directory of a host bridge, in a PCI segment that no machine has
 * @bridge:	the host bridge
 * @buf:	receives the path, DAX_SYSFS_PATH_MAX bytes
 *
 * Return: @buf.
 */
const char *dax_cxl_host_dir(uint32_t bridge, char *buf)
{
	snprintf(buf, DAX_SYSFS_PATH_MAX, "devices/pci7f00:%02" PRIx32,
		 dax_cxl_host_bus(bridge));
	return buf;
}

/**
 * dax_cxl_slot_dir() - directory of a root port
 * @bridge:	the host bridge
 * @slot:	number of the port
 * @buf:	receives the path, DAX_SYSFS_PATH_MAX bytes
 *
 * Return: @buf.
 */
const char *dax_cxl_slot_dir(uint32_t bridge, uint32_t slot, char *buf)
{
	const uint32_t bus = dax_cxl_host_bus(bridge);

	snprintf(buf, DAX_SYSFS_PATH_MAX,
		 "devices/pci7f00:%02" PRIx32 "/7f00:%02" PRIx32 ":%02" PRIx32 ".0", bus,
		 bus, slot);
	return buf;
}

/**
 * dax_cxl_pci_dir() - directory of a memory device's PCI function
 * @cxl:	the windows
 * @memdev:	N of memN
 * @buf:	receives the path, DAX_SYSFS_PATH_MAX bytes
 *
 * Return: @buf.
 */
const char *dax_cxl_pci_dir(const struct dax_cxl *cxl, uint32_t memdev, char *buf)
{
	const uint32_t bridge = dax_cxl_bridge_of(cxl, memdev);
	const uint32_t slot = dax_cxl_slot_of(cxl, memdev);
	size_t len;

	dax_cxl_slot_dir(bridge, slot, buf);
	len = strlen(buf);
	snprintf(buf + len, DAX_SYSFS_PATH_MAX - len, "/7f00:%02" PRIx32 ":00.0",
		 dax_cxl_host_bus(bridge) + 1 + slot);
	return buf;
}

/**
 * dax_cxl_region_dir() - directory of a region
 * @model:	the model
 * @id:		of a region that exists
 * @buf:	receives the path, DAX_SYSFS_PATH_MAX bytes
 *
 * Return: @buf.
 */
const char *dax_cxl_region_dir(const struct dax_model *model, uint32_t id, char *buf)
{
	snprintf(buf, DAX_SYSFS_PATH_MAX,
		 SYSFS_CXL_ROOT "/decoder0.%" PRIu32 "/region%" PRIu32,
		 dax_cxl_region_find(model, id)->window, id);
	return buf;
}

/**
 * dax_cxl_object_region() - the region of an object
 * @model:	the model
 * @n:		of the object
 *
 * Return: the region.
 */
struct dax_cxl_region *dax_cxl_object_region(const struct dax_model *model, uint32_t n)
{
	return dax_cxl_region_find(model, n / DAX_CXL_WAYS);
}

/**
 * dax_cxl_object_nr_switches() - the number of decoders that a host bridge's port shows
 * @bridge:	the host bridge
 *
 * Return: one if it passes everything through, none without a driver or a port behind it.
 */
uint32_t dax_cxl_object_nr_switches(const struct dax_cxl_bridge *bridge)
{
	if (bridge->is_gone || !bridge->dports)
		return 0;
	return bridge->nr_slots > 1 ? DAX_CXL_DECODERS : 1;
}

struct visit {
	const struct dax_model *model;
	dax_cxl_object_fn fn;
	void *ctx;
};

/* Call the function for an object. Return: what it returns, true to stop. */
__attribute__((format(printf, 4, 5))) static bool visit_object(const struct visit *v,
							       enum dax_cxl_kind kind,
							       uint32_t n,
							       const char *dir, ...)
{
	struct dax_cxl_object object = {.model = v->model, .kind = kind, .n = n};
	va_list ap;

	va_start(ap, dir);
	vsnprintf(object.dir, sizeof(object.dir), dir, ap);
	va_end(ap);
	snprintf(object.name, sizeof(object.name), "%s", strrchr(object.dir, '/') + 1);
	return v->fn(v->ctx, &object);
}

static bool visit_port(const struct visit *v, uint32_t bridge)
{
	const uint32_t nr = dax_cxl_object_nr_switches(&v->model->cxl->bridges[bridge]);
	const uint32_t port = bridge + 1;
	uint32_t i;

	if (visit_object(v, DAX_CXL_PORT, bridge, SYSFS_CXL_ROOT "/port%" PRIu32, port))
		return true;
	for (i = 0; i < nr; i++)
		if (visit_object(v, DAX_CXL_SWITCH, bridge * DAX_CXL_DECODERS + i,
				 SYSFS_CXL_ROOT "/port%" PRIu32 "/decoder%" PRIu32
						".%" PRIu32,
				 port, port, i))
			return true;
	return false;
}

static bool visit_endpoint(const struct visit *v, uint32_t n)
{
	const struct dax_cxl *cxl = v->model->cxl;
	const uint32_t port = cxl->memdevs[n].endpoint;
	char dir[DAX_SYSFS_PATH_MAX / 2];
	uint32_t i;

	snprintf(dir, sizeof(dir), SYSFS_CXL_ROOT "/port%" PRIu32 "/endpoint%" PRIu32,
		 dax_cxl_bridge_of(cxl, n) + 1, port);
	if (visit_object(v, DAX_CXL_ENDPOINT, n, "%s", dir))
		return true;
	for (i = 0; i < DAX_CXL_DECODERS; i++)
		if (visit_object(v, DAX_CXL_DECODER, n * DAX_CXL_DECODERS + i,
				 "%s/decoder%" PRIu32 ".%" PRIu32, dir, port, i))
			return true;
	return false;
}

static bool visit_memdev(const struct visit *v, uint32_t n)
{
	const struct dax_cxl *cxl = v->model->cxl;
	char dir[DAX_SYSFS_PATH_MAX];

	dax_cxl_pci_dir(cxl, n, dir);
	if (visit_object(v, DAX_CXL_MEMDEV, n, "%.128s/mem%" PRIu32, dir, n))
		return true;
	if (!cxl->memdevs[n].is_bound)
		return false;
	return visit_endpoint(v, n) ||
	       (dax_cxl_has_pmem(v->model) &&
		visit_object(v, DAX_CXL_NVDIMM, n, "%.128s/mem%" PRIu32 "/pmem%" PRIu32,
			     dir, n, n));
}

static bool visit_region(const struct visit *v, const struct dax_cxl_region *region)
{
	const uint32_t n = region->id * DAX_CXL_WAYS;
	char dir[DAX_SYSFS_PATH_MAX];

	dax_cxl_region_dir(v->model, region->id, dir);
	if (visit_object(v, DAX_CXL_REGION, n, "%s", dir))
		return true;
	if (!region->is_bound)
		return false;
	if (region->mode == DAX_CXL_PMEM)
		return visit_object(v, DAX_CXL_PMEM_REGION, n,
				    "%.128s/pmem_region%" PRIu32, dir, region->id);
	return visit_object(v, DAX_CXL_DAX_REGION, n, "%.128s/dax_region%" PRIu32, dir,
			    region->id);
}

/**
 * dax_cxl_object_visit() - call a function for the devices of the bus
 * @model:	the model, with CXL
 * @fn:		the function; it returns true to stop
 * @ctx:	passed to it
 *
 * A device comes behind its parent; an endpoint and its decoders come behind its memory
 * device.
 *
 * Return: true if the function did.
 */
bool dax_cxl_object_visit(const struct dax_model *model, dax_cxl_object_fn fn, void *ctx)
{
	const struct visit v = {.model = model, .fn = fn, .ctx = ctx};
	const struct dax_cxl *cxl = model->cxl;
	const struct dax_cxl_region *region;
	uint32_t i;

	if (visit_object(&v, DAX_CXL_ROOT, 0, SYSFS_CXL_ROOT))
		return true;
	for (i = 0; i < cxl->nr_windows; i++)
		if (visit_object(&v, DAX_CXL_WINDOW, i,
				 SYSFS_CXL_ROOT "/decoder0.%" PRIu32, i))
			return true;
	if (dax_cxl_has_pmem(model) &&
	    visit_object(&v, DAX_CXL_NVDIMM_BRIDGE, 0, SYSFS_CXL_ROOT "/nvdimm-bridge0"))
		return true;
	for (i = 0; i < cxl->nr_bridges; i++)
		if (visit_port(&v, i))
			return true;
	for (i = 0; i < cxl->nr_memdevs; i++)
		if (visit_memdev(&v, i))
			return true;
	dax_cxl_for_each_region(region, cxl) if (visit_region(&v, region)) return true;
	return false;
}

static bool is_wanted(void *ctx, const struct dax_cxl_object *object)
{
	struct dax_cxl_object *wanted = ctx;

	if (strcmp(object->name, wanted->name))
		return false;
	*wanted = *object;
	return true;
}

/**
 * dax_cxl_object_find() - find the device of a name
 * @model:	the model, with CXL
 * @text:	the name; a newline at its end is cut off
 * @ret:	receives the device
 *
 * Return: true if it exists.
 */
bool dax_cxl_object_find(const struct dax_model *model, char *text,
			 struct dax_cxl_object *ret)
{
	const char *name = dax_kstr_chomp(text);

	*ret = (struct dax_cxl_object){.model = model};
	if (strlen(name) >= sizeof(ret->name))
		return false;
	strcpy(ret->name, name);
	return dax_cxl_object_visit(model, is_wanted, ret);
}

/**
 * dax_cxl_object_driver() - the driver of a device
 * @object:	the device
 *
 * Return: its name, or NULL.
 */
const char *dax_cxl_object_driver(const struct dax_cxl_object *object)
{
	const struct dax_model *model = object->model;
	const struct dax_cxl *cxl = model->cxl;

	switch (object->kind) {
	case DAX_CXL_PORT:
		return cxl->bridges[object->n].is_gone ? NULL : "cxl_port";
	case DAX_CXL_ENDPOINT:
		return "cxl_port";
	case DAX_CXL_MEMDEV:
		return cxl->memdevs[object->n].is_bound ? "cxl_mem" : NULL;
	case DAX_CXL_REGION:
		return dax_cxl_object_region(model, object->n)->is_bound ? "cxl_region"
									 : NULL;
	case DAX_CXL_DAX_REGION:
		return "cxl_dax_region";
	case DAX_CXL_NVDIMM_BRIDGE:
		return "cxl_nvdimm_bridge";
	case DAX_CXL_NVDIMM:
		return "cxl_nvdimm";
	case DAX_CXL_PMEM_REGION:
		return "cxl_pmem_region";
	case DAX_CXL_ROOT:
	case DAX_CXL_WINDOW:
	case DAX_CXL_SWITCH:
	case DAX_CXL_DECODER:
		break;
	}
	return NULL;
}
