/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of CXL regions (drivers/cxl/core/region.c, Linux 7.3). */
#include "libcore/sysfs_cxl_region.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "libcore/cxl.h"
#include "libcore/cxl_commit.h"
#include "libcore/cxl_decoder.h"
#include "libcore/cxl_region.h"
#include "libcore/cxl_target.h"
#include "libcore/kstr.h"
#include "libcore/sysfs_cxl_object.h"

static struct dax_cxl_region *region_of(const struct dax_model *model, uint32_t n)
{
	return dax_cxl_object_region(model, n);
}

static int show_hex(uint64_t value, char *buf)
{
	return sprintf(buf, "0x%" PRIx64 "\n", value);
}

static int show_commit(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n",
		       region_of(obj->model, obj->n)->state == DAX_CXL_COMMIT);
}

static int store_commit(const struct sysfs_at *at, char *text)
{
	struct dax_cxl_region *region = region_of(at->model, at->n);
	bool is_on;
	int r;

	r = dax_kstr_bool(text, &is_on);
	if (r < 0)
		return r;
	if (is_on)
		return dax_cxl_region_commit(at->model, region);
	dax_cxl_region_reset(at->model, region);
	return 0;
}

/* kstrtouint() or, with INT_MAX, kstrtoint() of a number that must not be negative. */
static int parse_u32(const char *text, uint32_t max, uint32_t *ret)
{
	uint64_t value;
	int r;

	r = dax_kstr_u64(text, 0, &value);
	if (r < 0)
		return r;
	if (value > max)
		return -ERANGE;
	*ret = (uint32_t)value;
	return 0;
}

static int show_region_granularity(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 "\n", region_of(obj->model, obj->n)->granularity);
}

static int store_region_granularity(const struct sysfs_at *at, char *text)
{
	uint32_t value;
	int r;

	r = parse_u32(text, INT_MAX, &value);
	if (r < 0)
		return r;
	return dax_cxl_region_set_granularity(at->model->cxl, region_of(at->model, at->n),
					      value);
}

static int show_region_ways(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 "\n", region_of(obj->model, obj->n)->ways);
}

static int store_region_ways(const struct sysfs_at *at, char *text)
{
	uint32_t value;
	int r;

	r = parse_u32(text, UINT32_MAX, &value);
	if (r < 0)
		return r;
	return dax_cxl_region_set_ways(at->model->cxl, region_of(at->model, at->n),
				       value);
}

static int show_region_mode(const struct sysfs_obj *obj, char *buf)
{
	const bool is_ram = region_of(obj->model, obj->n)->mode == DAX_CXL_RAM;

	return sprintf(buf, "%s\n", is_ram ? "ram" : "pmem");
}

static int show_region_resource(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl_region *region = region_of(obj->model, obj->n);

	return show_hex(region->size ? region->start : UINT64_MAX, buf);
}

static int show_region_size(const struct sysfs_obj *obj, char *buf)
{
	return show_hex(region_of(obj->model, obj->n)->size, buf);
}

static int store_region_size(const struct sysfs_at *at, char *text)
{
	uint64_t size;
	int r;

	r = dax_kstr_u64(text, 0, &size);
	if (r < 0)
		return r;
	return dax_cxl_region_set_size(at->model, region_of(at->model, at->n), size);
}

static int show_region_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=cxl_region\n%sMODALIAS=cxl:t6\n",
		       region_of(obj->model, obj->n)->is_bound ? "DRIVER=cxl_region\n"
							       : "");
}

static bool has_locked(const struct sysfs_obj *obj)
{
	return dax_kernel_has(obj->model->kernel, DAX_RULE_CXL_LOCKED);
}

static bool is_pmem(const struct sysfs_obj *obj)
{
	return region_of(obj->model, obj->n)->mode == DAX_CXL_PMEM;
}

static bool is_ram(const struct sysfs_obj *obj)
{
	return !is_pmem(obj);
}

static bool is_uuid_dash(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static int show_region_uuid(const struct sysfs_obj *obj, char *buf)
{
	const uint8_t *uuid = region_of(obj->model, obj->n)->uuid;
	int len = 0;

	while (len < 36)
		if (is_uuid_dash((size_t)len))
			buf[len++] = '-';
		else
			len += sprintf(buf + len, "%02x", *uuid++);
	return len + sprintf(buf + len, "\n");
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;
	int value = p ? (int)(p - digits) : -1;

	return value > 15 ? value - 6 : value;
}

/* core/region.c: uuid_store(); a newline, or cxl's zero byte, is a part of it. */
static int store_region_uuid(const struct sysfs_at *at, char *text)
{
	uint8_t uuid[DAX_UUID_LEN] = {0};
	size_t digits = 0;
	size_t i;

	if (at->len != 37 || strlen(text) < 36)
		return -EINVAL;
	for (i = 0; i < 36; i++) {
		int digit = hex_digit(text[i]);

		if (is_uuid_dash(i) ? text[i] != '-' : digit < 0)
			return -EINVAL;
		if (is_uuid_dash(i))
			continue;
		uuid[digits / 2] = (uint8_t)(uuid[digits / 2] << 4 | digit);
		digits++;
	}
	return dax_cxl_region_set_uuid(at->model, region_of(at->model, at->n), uuid);
}

const struct sysfs_attr dax_sysfs_cxl_region_attrs[] = {
	{.name = "commit", .mode = 0644, .show = show_commit, .store = store_commit},
	{.name = "devtype", .mode = 0444, .text = "cxl_region\n"},
	{.name = "interleave_granularity",
	 .mode = 0644,
	 .show = show_region_granularity,
	 .store = store_region_granularity},
	{.name = "interleave_ways",
	 .mode = 0644,
	 .show = show_region_ways,
	 .store = store_region_ways},
	{.name = "locked", .mode = 0444, .text = "0\n", .is_visible = has_locked},
	{.name = "modalias", .mode = 0444, .text = "cxl:t6\n"},
	{.name = "mode", .mode = 0444, .show = show_region_mode},
	{.name = "resource", .mode = 0444, .show = show_region_resource},
	{.name = "size",
	 .mode = 0644,
	 .show = show_region_size,
	 .store = store_region_size},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_region_uevent,
	 .store = dax_sysfs_store_uevent},
	{.name = "uuid", .mode = 0444, .text = "\n", .is_visible = is_ram},
	{.name = "uuid",
	 .mode = 0644,
	 .show = show_region_uuid,
	 .store = store_region_uuid,
	 .is_visible = is_pmem},
	{0},
};

static int show_target(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_cxl *cxl = obj->model->cxl;
	const struct dax_cxl_decoder *decoder =
		region_of(obj->model, obj->n)->targets[obj->n % DAX_CXL_WAYS];

	if (!decoder)
		return sprintf(buf, "\n");
	return sprintf(buf, "decoder%" PRIu32 ".%" PRIu32 "\n",
		       cxl->memdevs[dax_cxl_decoder_memdev(cxl, decoder)].endpoint,
		       dax_cxl_decoder_id(cxl, decoder));
}

static int store_target(const struct sysfs_at *at, char *text)
{
	struct dax_cxl_region *region = region_of(at->model, at->n);
	struct dax_cxl_object object;

	if (!*dax_kstr_chomp(text)) {
		dax_cxl_region_detach(at->model, region, at->n % DAX_CXL_WAYS);
		return 0;
	}
	if (!dax_cxl_object_find(at->model, text, &object))
		return -ENODEV;
	if (object.kind != DAX_CXL_DECODER)
		return -EINVAL;
	return dax_cxl_region_attach(at->model, region, at->n % DAX_CXL_WAYS,
				     dax_cxl_decoder_get(at->model->cxl, object.n));
}

#define TARGET(i)                                                                        \
	{                                                                                \
		.name = "target" #i, .mode = 0644, .show = show_target,                  \
		.store = store_target                                                    \
	}

static const struct sysfs_attr target_attrs[DAX_CXL_WAYS] = {
	TARGET(0),  TARGET(1),  TARGET(2),  TARGET(3), TARGET(4),  TARGET(5),
	TARGET(6),  TARGET(7),  TARGET(8),  TARGET(9), TARGET(10), TARGET(11),
	TARGET(12), TARGET(13), TARGET(14), TARGET(15)};

const struct sysfs_attr dax_sysfs_cxl_dax_region_attrs[] = {
	{.name = "devtype", .mode = 0444, .text = "cxl_dax_region\n"},
	{.name = "modalias", .mode = 0444, .text = "cxl:t8\n"},
	SYSFS_UEVENT("DEVTYPE=cxl_dax_region\nDRIVER=cxl_dax_region\nMODALIAS=cxl:t8\n"),
	{0},
};

/**
 * dax_sysfs_walk_cxl_region() - visit what is below the directory of a region
 * @walk:	the walk
 * @obj:	the region
 * @dir:	its directory
 */
void dax_sysfs_walk_cxl_region(struct sysfs_walk *walk, const struct sysfs_obj *obj,
			       const char *dir)
{
	const struct dax_cxl_region *region = region_of(obj->model, obj->n);
	struct sysfs_obj target = *obj;
	uint32_t i;

	for (i = 0; i < region->ways; i++) {
		target.n = obj->n + i;
		dax_sysfs_file(walk, &target, &target_attrs[i], dir);
	}
	dax_sysfs_dir(walk, NULL, NULL, "%s/access0", dir);
	dax_sysfs_dir(walk, NULL, NULL, "%s/access1", dir);
}
