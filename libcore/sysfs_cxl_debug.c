/* SPDX-License-Identifier: BSD-2-Clause */
/* CXL's part of debugfs: /sys/kernel/debug/cxl (drivers/cxl/mem.c, core/region.c). */
#include "libcore/sysfs_cxl_debug.h"

#include <inttypes.h>
#include <stdio.h>

#include "libcore/cxl.h"
#include "libcore/cxl_poison.h"
#include "libcore/cxl_region.h"
#include "libcore/kstr.h"

#define DEBUG_DIR "kernel/debug/cxl"

static int order_memdev(const struct sysfs_at *at, const char *text,
			enum dax_cxl_poison_kind kind)
{
	uint64_t dpa;
	int r;

	r = dax_kstr_u64(text, 0, &dpa);
	return r < 0 ? r : dax_cxl_poison_memdev(at->model, at->n, dpa, kind);
}

static int store_memdev_inject(const struct sysfs_at *at, char *text)
{
	return order_memdev(at, text, DAX_CXL_POISON_INJECT);
}

static int store_memdev_clear(const struct sysfs_at *at, char *text)
{
	return order_memdev(at, text, DAX_CXL_POISON_CLEAR);
}

/* One line. Return: its length. */
static int show_range(char *buf, uint64_t start, uint64_t size)
{
	return sprintf(buf, "%08" PRIx64 "-%08" PRIx64 " : ", start, start + size - 1);
}

/* The partition of a memory device, and what decoders have of it (cxl_dpa_debug()). */
static int show_dpamem(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl *cxl = obj->model->cxl;
	const struct dax_cxl_memdev *memdev = &cxl->memdevs[obj->n];
	int len = show_range(buf, 0, cxl->memdev_size);
	uint32_t i;

	len += sprintf(buf + len, "%s\n", cxl->partition == DAX_CXL_RAM ? "ram" : "pmem");
	for (i = 0; i < DAX_CXL_DECODERS; i++) {
		const struct dax_cxl_decoder *decoder = &memdev->decoders[i];

		if (!decoder->dpa_size)
			continue;
		len += sprintf(buf + len, "  ");
		len += show_range(buf + len, decoder->dpa, decoder->dpa_size);
		len += sprintf(buf + len, "decoder%" PRIu32 ".%" PRIu32 "\n",
			       memdev->endpoint, i);
	}
	return len;
}

static const struct sysfs_attr memdev_attrs[] = {
	{.name = "clear_poison", .mode = 0200, .store = store_memdev_clear},
	{.name = "dpamem", .mode = 0444, .show = show_dpamem},
	{.name = "inject_poison", .mode = 0200, .store = store_memdev_inject},
	{0},
};

static int order_region(const struct sysfs_at *at, const char *text,
			enum dax_cxl_poison_kind kind)
{
	uint64_t off;
	int r;

	r = dax_kstr_u64(text, 0, &off);
	if (r < 0)
		return r;
	return dax_cxl_poison_region(at->model, dax_cxl_region_find(at->model, at->n),
				     off, kind);
}

static int store_region_inject(const struct sysfs_at *at, char *text)
{
	return order_region(at, text, DAX_CXL_POISON_INJECT);
}

static int store_region_clear(const struct sysfs_at *at, char *text)
{
	return order_region(at, text, DAX_CXL_POISON_CLEAR);
}

static const struct sysfs_attr region_attrs[] = {
	{.name = "clear_poison", .mode = 0200, .store = store_region_clear},
	{.name = "inject_poison", .mode = 0200, .store = store_region_inject},
	{0},
};

/* A region's directory comes with its driver. */
static void walk_regions(struct sysfs_walk *walk, struct sysfs_obj obj)
{
	const struct dax_cxl_region *region;

	if (!dax_kernel_has(obj.model->kernel, DAX_RULE_CXL_REGION_POISON))
		return;
	dax_cxl_for_each_region(region, obj.model->cxl)
	{
		obj.n = region->id;
		if (region->is_bound)
			dax_sysfs_dir(walk, &obj, region_attrs,
				      DEBUG_DIR "/region%" PRIu32, obj.n);
	}
}

/**
 * dax_sysfs_walk_cxl_debug() - visit CXL's part of debugfs
 * @walk:	the walk
 */
void dax_sysfs_walk_cxl_debug(struct sysfs_walk *walk)
{
	struct sysfs_obj obj = {.model = dax_sysfs_model(walk)};
	const struct dax_cxl *cxl = obj.model->cxl;

	if (!cxl)
		return;
	dax_sysfs_dir(walk, NULL, NULL, "kernel");
	dax_sysfs_dir(walk, NULL, NULL, "kernel/debug");
	dax_sysfs_dir(walk, NULL, NULL, DEBUG_DIR);
	for (obj.n = 0; obj.n < cxl->nr_memdevs; obj.n++)
		if (cxl->memdevs[obj.n].is_bound)
			dax_sysfs_dir(walk, &obj, memdev_attrs, DEBUG_DIR "/mem%" PRIu32,
				      obj.n);
	walk_regions(walk, obj);
}
