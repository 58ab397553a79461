/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CXL's persistent memory in sysfs: the bridge to the nd bus, the DIMMs on that bus, and
 * the regions' parts of them (drivers/cxl/pmem.c, drivers/nvdimm/dimm_devs.c).
 */
#include "libcore/sysfs_cxl_pmem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "libcore/cxl.h"
#include "libcore/cxl_decoder.h"
#include "libcore/cxl_region.h"

/* Labels that the storage area of a memory device has room for, but the reserved one. */
#define SLOTS 4089

const struct sysfs_attr dax_sysfs_cxl_nvdimm_bridge_attrs[] = {
	{.name = "devtype", .mode = 0444, .text = "cxl_nvdimm_bridge\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t1\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_nvdimm_bridge\nDRIVER=cxl_nvdimm_bridge\n"
		     "MODALIAS=cxl:t1\n"),
	{0},
};

const struct sysfs_attr dax_sysfs_cxl_nvdimm_attrs[] = {
	{.name = "devtype", .mode = 0444, .text = "cxl_nvdimm\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t2\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_nvdimm\nDRIVER=cxl_nvdimm\nMODALIAS=cxl:t2\n"),
	{0},
};

const struct sysfs_attr dax_sysfs_cxl_pmem_region_attrs[] = {
	{.name = "devtype", .mode = 0444, .text = "cxl_pmem_region\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t7\n"},
	SYSFS_UEVENT(
		"DEVTYPE=cxl_pmem_region\nDRIVER=cxl_pmem_region\nMODALIAS=cxl:t7\n"),
	{0},
};

/* The region that has a memory device as a target and its driver; NULL: none. */
static const struct dax_cxl_region *region_of(const struct dax_cxl *cxl, uint32_t memdev)
{
	uint32_t i;

	for (i = 0; i < DAX_CXL_DECODERS; i++) {
		const struct dax_cxl_region *region =
			cxl->memdevs[memdev].decoders[i].region;

		if (region && region->is_bound)
			return region;
	}
	return NULL;
}

static int show_available_slots(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_region *region = region_of(obj->model->cxl, obj->n);
	const struct dax_region *nd =
		region ? dax_model_find_region(obj->model, region->id) : NULL;

	return sprintf(buf, "%d\n",
		       nd && (nd->devices || nd->absent) ? SLOTS - 1 : SLOTS);
}

/* No program opens /dev/nmemN, which does not exist. Its number is behind ndctl0's. */
static int show_nmem_dev(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 ":%" PRIu32 "\n", obj->model->ndctl_major,
		       obj->n + 1);
}

static int show_state(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%s\n",
		       region_of(obj->model->cxl, obj->n) ? "active" : "idle");
}

static int show_nmem_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf,
		       "MAJOR=%" PRIu32 "\nMINOR=%" PRIu32 "\nDEVNAME=nmem%" PRIu32
		       "\nDEVTYPE=nvdimm\nDRIVER=nvdimm\nMODALIAS=nd:t1\n",
		       obj->model->ndctl_major, obj->n + 1, obj->n);
}

/* Nobody has set a passphrase (dimm_devs.c: security_store()). */
static int store_security(const struct sysfs_at *at, char *text)
{
	(void)at;
	(void)text;
	return -EOPNOTSUPP;
}

const struct sysfs_attr dax_sysfs_nmem_attrs[] = {
	{.name = "available_slots", .mode = 0444, .show = show_available_slots},
	{.name = "commands", .mode = 0444, .text = "get_size get_data set_data \n"},
	{.name = "dev", .mode = 0444, .show = show_nmem_dev},
	{.name = "devtype", .mode = 0444, .text = "nvdimm\n"},
	{.name = "flags", .mode = 0444, .text = "label \n"},
	{.name = "frozen", .mode = 0444, .text = "0\n"},
	{.name = "modalias", .mode = 0444, .text = "nd:t1\n"},
	{.name = "security", .mode = 0644, .text = "disabled\n", .store = store_security},
	{.name = "state", .mode = 0444, .show = show_state},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_nmem_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

static int show_id(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", dax_cxl_serial(obj->n));
}

static int show_provider(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "pmem%" PRIu32 "\n", obj->n);
}

static const struct sysfs_attr cxl_attrs[] = {
	{.name = "id", .mode = 0444, .show = show_id},
	{.name = "provider", .mode = 0444, .show = show_provider},
	{0},
};

/**
 * dax_sysfs_walk_nmem() - visit what is below the directory of a DIMM
 * @walk:	the walk
 * @obj:	the memory device
 * @dir:	the DIMM's directory
 */
void dax_sysfs_walk_nmem(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			 const char *dir)
{
	dax_sysfs_dir(walk, obj, cxl_attrs, "%s/cxl", dir);
	dax_sysfs_dir(walk, obj, NULL, "%s/firmware", dir);
}

static const struct dax_cxl_region *cxl_region(const struct sysfs_obj *obj)
{
	return dax_cxl_region_find(obj->model, obj->region->id);
}

/**
 * dax_sysfs_show_nd_mappings() - show the number of DIMMs that an nd region has
 * @obj:	a region with labels
 * @buf:	receives the text
 *
 * Return: its length.
 */
int dax_sysfs_show_nd_mappings(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 "\n", cxl_region(obj)->ways);
}

/**
 * dax_sysfs_show_nd_cookie() - show the checksum of an nd region's DIMMs
 * @obj:	a region with labels
 * @buf:	receives the text
 *
 * nd_fletcher64() over start and serial number of each (core/region.c:
 * cxl_pmem_region_alloc()).
 *
 * Return: its length.
 */
int dax_sysfs_show_nd_cookie(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl *cxl = obj->model->cxl;
	const struct dax_cxl_region *region = cxl_region(obj);
	uint32_t lo = 0;
	uint32_t hi = 0;
	uint32_t i;

	for (i = 0; i < 4 * region->ways; i++) {
		const struct dax_cxl_decoder *decoder = region->targets[i / 4];
		const uint64_t number =
			i & 2 ? dax_cxl_serial(dax_cxl_decoder_memdev(cxl, decoder))
			      : decoder->dpa;

		lo += (uint32_t)(i & 1 ? number >> 32 : number);
		hi += lo;
	}
	return sprintf(buf, "0x%" PRIx64 "\n", (uint64_t)hi << 32 | lo);
}

/* DIMM, start, length, position (region_devs.c: mappingN()). */
static int show_mapping(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl *cxl = obj->model->cxl;
	const struct dax_cxl_decoder *decoder = cxl_region(obj)->targets[obj->n];

	return sprintf(buf, "nmem%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 "\n",
		       dax_cxl_decoder_memdev(cxl, decoder), decoder->dpa,
		       decoder->dpa_size, decoder->position);
}

#define MAPPING(i)                                                                       \
	{                                                                                \
		.name = "mapping" #i, .mode = 0444, .show = show_mapping                 \
	}

static const struct sysfs_attr mapping_attrs[DAX_CXL_WAYS] = {
	MAPPING(0),  MAPPING(1),  MAPPING(2),  MAPPING(3), MAPPING(4),  MAPPING(5),
	MAPPING(6),  MAPPING(7),  MAPPING(8),  MAPPING(9), MAPPING(10), MAPPING(11),
	MAPPING(12), MAPPING(13), MAPPING(14), MAPPING(15)};

/**
 * dax_sysfs_walk_nd_mappings() - visit the attributes for the DIMMs of an nd region
 * @walk:	the walk
 * @obj:	a region with labels
 * @dir:	its directory
 */
void dax_sysfs_walk_nd_mappings(struct sysfs_walk *walk, const struct sysfs_obj *obj,
				const char *dir)
{
	const struct dax_cxl_region *region = cxl_region(obj);
	struct sysfs_obj mapping = *obj;

	for (mapping.n = 0; mapping.n < region->ways; mapping.n++)
		dax_sysfs_file(walk, &mapping, &mapping_attrs[mapping.n], dir);
}
