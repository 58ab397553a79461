/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nd bus in sysfs, as nd_e820 makes it for memory that the kernel's command line
 * declares persistent, or cxl_pmem for CXL memory devices: one bus, a region for each
 * static or CXL region, in it for each device a namespace and the nd dax device that has
 * claimed it, and one unused device of each kind, the seeds, from which ndctl would make
 * the next.
 *
 * Little can be written: attributes of a bound device return EBUSY, and so do the
 * seeds, as only its own nd dax device ever claims a namespace (drivers/nvdimm/).
 * Drivers can be unbound and bound: model_nd.c.
 */
#include "libcore/sysfs_nd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/cxl.h"
#include "libcore/device.h"
#include "libcore/kstr.h"
#include "libcore/model.h"
#include "libcore/model_nd.h"
#include "libcore/size.h"
#include "libcore/sysfs_cxl_object.h"
#include "libcore/sysfs_cxl_pmem.h"
#include "libcore/sysfs_dax.h"
#include "libcore/sysfs_node.h"
#include "libcore/sysfs_walk.h"

#define ALIGNMENTS   "4096 2097152 1073741824 \n"
#define SECTOR_SIZES "512 520 528 4096 4104 4160 4224 \n"

/* The driver or the claim is checked before the text (pfn_devs.c, btt_devs.c). */
static int store_busy(const struct sysfs_at *at, char *text)
{
	(void)at;
	(void)text;
	return -EBUSY;
}

/* "no address to convey if the pfn instance is disabled" (pfn_devs.c). */
static int show_nothing(const struct sysfs_obj *obj, char *buf)
{
	(void)obj;
	(void)buf;
	return -ENXIO;
}

/*
 * An e820 bus has no commands. While memory is bad, the bus shows the commands that
 * clear it, as an ACPI bus does.
 */
static int show_commands(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_region *region;

	dax_for_each_region (region, obj->model)
		if (region->badblocks && region->type == DAX_REGION_STATIC)
			return sprintf(buf, "ars_cap ars_start ars_status clear_error\n");
	return sprintf(buf, "\n");
}

static int show_bus_provider(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%s\n", dax_cxl_has_pmem(obj->model) ? "CXL" : "e820");
}

static const struct sysfs_attr ndbus[] = {
	{.name = "commands", .mode = 0444, .show = show_commands},
	{.name = "provider", .mode = 0444, .show = show_bus_provider},
	SYSFS_UEVENT("DRIVER=nd_bus\nMODALIAS=nd:t0\n"),
	{.name = "wait_probe", .mode = 0444, .text = "1\n"},
	{0},
};

static int show_ndctl_dev(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu32 ":0\n", obj->model->ndctl_major);
}

static int show_ndctl_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "MAJOR=%" PRIu32 "\nMINOR=0\nDEVNAME=ndctl0\n",
		       obj->model->ndctl_major);
}

static const struct sysfs_attr ndctl[] = {
	{.name = "dev", .mode = 0444, .show = show_ndctl_dev},
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_ndctl_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

/* True if DIMMs with labels are below the region. */
static bool is_labelled(const struct sysfs_obj *obj)
{
	return obj->region->type == DAX_REGION_CXL_PMEM;
}

static bool is_unlabelled(const struct sysfs_obj *obj)
{
	return !is_labelled(obj);
}

/* The kind of namespaces (drivers/nvdimm/nd.h, include/uapi/linux/ndctl.h). */
static unsigned int nstype(const struct sysfs_obj *obj)
{
	return is_labelled(obj) ? 5 : 4;
}

static int show_nstype(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%u\n", nstype(obj));
}

static int show_ns_modalias(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "nd:t%u\n", nstype(obj));
}

static uint32_t count_devices(const struct dax_region *region)
{
	const struct dax_dev *dev;
	uint32_t n = 0;

	dax_for_each_device (dev, region)
		n++;
	dax_for_each_absent (dev, region)
		n++;
	return n;
}

/* The number of the unused nd dax device: after those in use. */
static uint32_t dax_seed_id(const struct dax_region *region)
{
	const struct dax_dev *dev;
	uint32_t id = 0;

	dax_for_each_device (dev, region)
		id = dev->id + 1;
	dax_for_each_absent (dev, region)
		id = (uint32_t)dax_max(id, dev->id + 1);
	return id;
}

static int show_region_align(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "0x%" PRIx64 "\n", obj->region->nd_align);
}

/* The align of new namespaces (region_devs.c: align_store()). */
static int store_region_align(const struct sysfs_at *at, char *text)
{
	uint64_t align;
	int r;

	r = dax_kstr_u64(text, 0, &align);
	if (r < 0)
		return r;
	if (!dax_is_pow2(align) || align < DAX_PAGE || align > at->region->size)
		return -EINVAL;
	at->region->nd_align = align;
	return 0;
}

static int show_badblocks(const struct sysfs_obj *obj, char *buf)
{
	const char *text = obj->region->badblocks;

	/* As the seeds, this belongs to the driver (region_devs.c). */
	if (obj->region->is_nd_disabled)
		return -ENXIO;
	return snprintf(buf, DAX_SYSFS_TEXT_MAX, "%s", text ? text : "");
}

static int show_btt_seed(const struct sysfs_obj *obj, char *buf)
{
	if (obj->region->is_nd_disabled)
		return sprintf(buf, "\n");
	return sprintf(buf, "btt%" PRIu32 ".0\n", obj->region->id);
}

static int show_pfn_seed(const struct sysfs_obj *obj, char *buf)
{
	if (obj->region->is_nd_disabled)
		return sprintf(buf, "\n");
	return sprintf(buf, "pfn%" PRIu32 ".0\n", obj->region->id);
}

static int show_dax_seed(const struct sysfs_obj *obj, char *buf)
{
	if (obj->region->is_nd_disabled)
		return sprintf(buf, "\n");
	return sprintf(buf, "dax%" PRIu32 ".%" PRIu32 "\n", obj->region->id,
		       dax_seed_id(obj->region));
}

static int show_namespace_seed(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_region *region = obj->region;
	uint32_t first = UINT32_MAX;

	if (region->devices)
		first = region->devices->id;
	if (region->absent)
		first = (uint32_t)dax_min(first, region->absent->id);
	if (is_labelled(obj) && !region->is_nd_disabled)
		return sprintf(buf, "namespace%" PRIu32 ".%" PRIu32 "\n", region->id,
			       dax_seed_id(region));
	if (region->is_nd_disabled || first == UINT32_MAX)
		return sprintf(buf, "\n");
	return sprintf(buf, "namespace%" PRIu32 ".%" PRIu32 "\n", region->id, first);
}

static int show_init_namespaces(const struct sysfs_obj *obj, char *buf)
{
	/* With labels there is at least an unused namespace. */
	uint32_t n = (uint32_t)dax_max(count_devices(obj->region), is_labelled(obj));

	if (obj->region->is_nd_disabled)
		return -ENXIO;
	return sprintf(buf, "%" PRIu32 "/%" PRIu32 "\n", n, n);
}

static int show_read_only(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->region->is_read_only);
}

/* Block devices obey it, device-dax does not (region_devs.c: read_only_store()). */
static int store_read_only(const struct sysfs_at *at, char *text)
{
	return dax_kstr_bool(text, &at->region->is_read_only);
}

static int show_region_resource(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "0x%" PRIx64 "\n", obj->region->start);
}

static int show_region_size(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", obj->region->size);
}

static int show_region_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=nd_pmem\n%sMODALIAS=nd:t2\n",
		       obj->region->is_nd_disabled ? "" : "DRIVER=nd_region\n");
}

/* Room for namespaces: the only one has all of it. */
static int show_available(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_region *region = obj->region;

	return sprintf(buf, "%" PRIu64 "\n",
		       is_labelled(obj) && !count_devices(region) ? region->size : 0);
}

static const struct sysfs_attr nd_region[] = {
	{.name = "align",
	 .mode = 0644,
	 .show = show_region_align,
	 .store = store_region_align},
	{.name = "available_size",
	 .mode = 0444,
	 .show = show_available,
	 .is_visible = is_labelled},
	{.name = "badblocks", .mode = 0444, .show = show_badblocks},
	{.name = "btt_seed", .mode = 0444, .show = show_btt_seed},
	{.name = "dax_seed", .mode = 0444, .show = show_dax_seed},
	{.name = "deep_flush", .mode = 0444, .text = "0\n", .is_visible = is_labelled},
	{.name = "devtype", .mode = 0444, .text = "nd_pmem\n"},
	{.name = "init_namespaces", .mode = 0444, .show = show_init_namespaces},
	{.name = "mappings", .mode = 0444, .text = "0\n", .is_visible = is_unlabelled},
	{.name = "mappings",
	 .mode = 0444,
	 .show = dax_sysfs_show_nd_mappings,
	 .is_visible = is_labelled},
	{.name = "max_available_extent", .mode = 0444, .show = show_available},
	{.name = "modalias", .mode = 0444, .text = "nd:t2\n"},
	{.name = "namespace_seed", .mode = 0444, .show = show_namespace_seed},
	{.name = "nstype", .mode = 0444, .show = show_nstype},
	SYSFS_NUMA_NODE,
	{.name = "persistence_domain",
	 .mode = 0444,
	 .text = "memory_controller\n",
	 .is_visible = is_labelled},
	{.name = "pfn_seed", .mode = 0444, .show = show_pfn_seed},
	{.name = "read_only",
	 .mode = 0644,
	 .show = show_read_only,
	 .store = store_read_only},
	{.name = "resource", .mode = 0400, .show = show_region_resource},
	{.name = "set_cookie",
	 .mode = 0444,
	 .show = dax_sysfs_show_nd_cookie,
	 .is_visible = is_labelled},
	{.name = "size", .mode = 0444, .show = show_region_size},
	SYSFS_TARGET_NODE,
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_region_uevent,
	 .store = dax_sysfs_store_uevent},
	{0},
};

static int show_force_raw(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", obj->dev->has_force_raw);
}

/* Takes effect when the namespace is next probed (namespace_devs.c: force_raw_store). */
static int store_force_raw(const struct sysfs_at *at, char *text)
{
	return dax_kstr_bool(text, &at->dev->has_force_raw);
}

/* libndctl finds the nd dax device of a namespace in this attribute. */
static int show_holder(const struct sysfs_obj *obj, char *buf)
{
	char name[DAX_NAME_LEN];

	if (obj->dev->nd_state == DAX_ND_FREE)
		return sprintf(buf, "\n");
	return sprintf(buf, "%s\n", dax_dev_name(obj->dev, name));
}

static int show_holder_class(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%s\n", obj->dev->has_no_holder_class ? "" : "dax");
}

/* The claim is checked before the text (namespace_devs.c: holder_class_store()). */
static int store_holder_class(const struct sysfs_at *at, char *text)
{
	return at->dev->nd_state != DAX_ND_FREE      ? -EBUSY
	       : strcmp(dax_kstr_chomp(text), "dax") ? -EINVAL
						     : -ENXIO;
}

/* A free namespace has not been probed for an info block (namespace_devs.c: mode_show()).
 */
static int show_ns_mode(const struct sysfs_obj *obj, char *buf)
{
	const struct dax_dev *dev = obj->dev;

	return sprintf(buf, "%s\n",
		       dev->nd_state != DAX_ND_FREE ? "dax"
		       : dev->has_force_raw         ? "raw"
						    : "memory");
}

static int show_ns_resource(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "0x%" PRIx64 "\n", obj->dev->ns_start);
}

static int show_ns_size(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", obj->dev->ns_size);
}

static int show_ns_devtype(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "nd_namespace_%s\n", is_labelled(obj) ? "pmem" : "io");
}

static int show_ns_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=nd_namespace_%s\nMODALIAS=nd:t%u\n",
		       is_labelled(obj) ? "pmem" : "io", nstype(obj));
}

static int write_uuid(const uint8_t uuid[DAX_UUID_LEN], char *buf)
{
	int len = 0;
	int i;

	for (i = 0; i < DAX_UUID_LEN; i++)
		len += sprintf(buf + len, "%s%02x",
			       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	return len + sprintf(buf + len, "\n");
}

static int show_ns_uuid(const struct sysfs_obj *obj, char *buf)
{
	return write_uuid(obj->model->cxl->labels.uuid, buf);
}

/* A namespace that is described by labels has more attributes. */
static const struct sysfs_attr namespace[] = {
	{.name = "alt_name",
	 .mode = 0644,
	 .text = "\n",
	 .store = store_busy,
	 .is_visible = is_labelled},
	{.name = "devtype", .mode = 0444, .show = show_ns_devtype},
	{.name = "dpa_extents", .mode = 0444, .text = "1\n", .is_visible = is_labelled},
	{.name = "force_raw",
	 .mode = 0644,
	 .show = show_force_raw,
	 .store = store_force_raw},
	{.name = "holder", .mode = 0444, .show = show_holder},
	{.name = "holder_class",
	 .mode = 0644,
	 .show = show_holder_class,
	 .store = store_holder_class},
	{.name = "modalias", .mode = 0444, .show = show_ns_modalias},
	{.name = "mode", .mode = 0444, .show = show_ns_mode},
	{.name = "nstype", .mode = 0444, .show = show_nstype},
	SYSFS_NUMA_NODE,
	{.name = "resource", .mode = 0400, .show = show_ns_resource},
	{.name = "sector_size",
	 .mode = 0644,
	 .text = "[512] 4096 \n",
	 .store = store_busy,
	 .is_visible = is_labelled},
	{.name = "size", .mode = 0444, .show = show_ns_size, .is_visible = is_unlabelled},
	{.name = "size",
	 .mode = 0644,
	 .show = show_ns_size,
	 .store = store_busy,
	 .is_visible = is_labelled},
	SYSFS_TARGET_NODE,
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_ns_uevent,
	 .store = dax_sysfs_store_uevent},
	{.name = "uuid",
	 .mode = 0644,
	 .show = show_ns_uuid,
	 .store = store_busy,
	 .is_visible = is_labelled},
	{0},
};

/* The unused namespace of a region with labels. */
static const struct sysfs_attr namespace_seed[] = {
	{.name = "alt_name", .mode = 0644, .text = "\n", .store = store_busy},
	{.name = "devtype", .mode = 0444, .show = show_ns_devtype},
	{.name = "dpa_extents", .mode = 0444, .text = "0\n"},
	{.name = "force_raw", .mode = 0644, .text = "0\n", .store = store_busy},
	{.name = "holder", .mode = 0444, .text = "\n"},
	{.name = "holder_class", .mode = 0644, .text = "\n", .store = store_busy},
	{.name = "modalias", .mode = 0444, .show = show_ns_modalias},
	{.name = "mode", .mode = 0444, .text = "raw\n"},
	{.name = "nstype", .mode = 0444, .show = show_nstype},
	SYSFS_NUMA_NODE,
	{.name = "resource", .mode = 0400, .show = show_nothing},
	{.name = "sector_size", .mode = 0644, .text = "512 4096 \n", .store = store_busy},
	{.name = "size", .mode = 0644, .text = "0\n", .store = store_busy},
	SYSFS_TARGET_NODE,
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_ns_uevent,
	 .store = dax_sysfs_store_uevent},
	{.name = "uuid", .mode = 0644, .text = "\n", .store = store_busy},
	{0},
};

static int show_align(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%" PRIu64 "\n", obj->dev->align);
}

static int show_mode(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%s\n", obj->region->map == DAX_MAP_DEV ? "pmem" : "ram");
}

static int show_namespace(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "namespace%" PRIu32 ".%" PRIu32 "\n", obj->region->id,
		       obj->dev->id);
}

static int store_namespace(const struct sysfs_at *at, char *text)
{
	return *dax_kstr_chomp(text) ? -EBUSY : dax_nd_release(at->dev);
}

static int show_resource(const struct sysfs_obj *obj, char *buf)
{
	if (obj->dev->nd_state != DAX_ND_DRIVEN)
		return show_nothing(obj, buf);
	return sprintf(buf, "0x%" PRIx64 "\n", obj->dev->ranges[0].start);
}

static int show_size(const struct sysfs_obj *obj, char *buf)
{
	if (obj->dev->nd_state != DAX_ND_DRIVEN)
		return show_nothing(obj, buf);
	return sprintf(buf, "%" PRIu64 "\n", dax_dev_size(obj->dev));
}

static int show_uuid(const struct sysfs_obj *obj, char *buf)
{
	return write_uuid(obj->dev->uuid, buf);
}

static int show_dax_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=nd_dax\n%sMODALIAS=nd:t7\n",
		       obj->dev->nd_state == DAX_ND_DRIVEN ? "DRIVER=dax_pmem\n" : "");
}

static const struct sysfs_attr nd_dax[] = {
	{.name = "align", .mode = 0644, .show = show_align, .store = store_busy},
	{.name = "devtype", .mode = 0444, .text = "nd_dax\n"},
	{.name = "modalias", .mode = 0444, .text = "nd:t7\n"},
	{.name = "mode", .mode = 0644, .show = show_mode, .store = store_busy},
	{.name = "namespace",
	 .mode = 0644,
	 .show = show_namespace,
	 .store = store_namespace},
	SYSFS_NUMA_NODE,
	{.name = "resource", .mode = 0400, .show = show_resource},
	{.name = "size", .mode = 0444, .show = show_size},
	{.name = "supported_alignments", .mode = 0444, .text = ALIGNMENTS},
	SYSFS_TARGET_NODE,
	{.name = "uevent",
	 .mode = 0644,
	 .show = show_dax_uevent,
	 .store = dax_sysfs_store_uevent},
	{.name = "uuid", .mode = 0644, .show = show_uuid, .store = store_busy},
	{0},
};

static int show_pfn_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=nd_pfn\nMODALIAS=nd:t%u\n", nstype(obj));
}

static int show_btt_uevent(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "DEVTYPE=nd_btt\nMODALIAS=nd:t%u\n", nstype(obj));
}

#define SEED_ROWS(type)                                                                  \
	{.name = "devtype", .mode = 0444, .text = type "\n"},                            \
		{.name = "namespace", .mode = 0644, .text = "\n", .store = store_busy},  \
		SYSFS_NUMA_NODE, {.name = "size", .mode = 0444, .show = show_nothing},   \
		SYSFS_TARGET_NODE,                                                       \
	{                                                                                \
		.name = "uuid", .mode = 0644, .text = "\n", .store = store_busy          \
	}

/* Of a seed that could have any kind of namespace of its region. */
#define SEED_UEVENT(show_uevent)                                                         \
	{.name = "modalias", .mode = 0444, .show = show_ns_modalias},                    \
	{                                                                                \
		.name = "uevent", .mode = 0644, .show = (show_uevent),                   \
		.store = dax_sysfs_store_uevent                                          \
	}

#define PFN_SEED_ROWS                                                                    \
	{.name = "align", .mode = 0644, .text = "2097152\n", .store = store_busy},       \
		{.name = "mode", .mode = 0644, .text = "none\n", .store = store_busy},   \
		{.name = "resource", .mode = 0400, .show = show_nothing},                \
	{                                                                                \
		.name = "supported_alignments", .mode = 0444, .text = ALIGNMENTS         \
	}

static const struct sysfs_attr dax_seed[] = {
	PFN_SEED_ROWS,
	SEED_ROWS("nd_dax"),
	{.name = "modalias", .mode = 0444, .text = "nd:t7\n"},
	SYSFS_UEVENT("DEVTYPE=nd_dax\nMODALIAS=nd:t7\n"),
	{0},
};

static const struct sysfs_attr pfn_seed[] = {
	PFN_SEED_ROWS,
	SEED_ROWS("nd_pfn"),
	SEED_UEVENT(show_pfn_uevent),
	{0},
};

static const struct sysfs_attr btt_seed[] = {
	{.name = "log_zero_flags", .mode = 0444, .text = "Y\n"},
	{.name = "sector_size", .mode = 0644, .text = SECTOR_SIZES, .store = store_busy},
	SEED_ROWS("nd_btt"),
	SEED_UEVENT(show_btt_uevent),
	{0},
};

/* Call @fn for the device whose name is @prefix, region id, ".", @id. */
static void call_for(struct sysfs_walk *walk, const struct sysfs_obj *obj,
		     const struct sysfs_attr *attrs, const char *driver,
		     const char *prefix, uint32_t id, dax_sysfs_nd_device_fn fn,
		     const char *arg)
{
	struct dax_sysfs_nd_device dev = {.obj = *obj, .attrs = attrs, .driver = driver};
	char dir[DAX_SYSFS_PATH_MAX];

	snprintf(dev.name, sizeof(dev.name), "%s%" PRIu32 ".%" PRIu32, prefix,
		 obj->region->id, id);
	snprintf(dev.dir, sizeof(dev.dir), "%.128s/%s",
		 dax_sysfs_region_dir(obj->region, dir), dev.name);
	fn(walk, &dev, arg);
}

static void for_each_in_region(struct sysfs_walk *walk, const struct dax_region *region,
			       dax_sysfs_nd_device_fn fn, const char *arg)
{
	struct sysfs_obj obj = {.model = dax_sysfs_model(walk), .region = region};
	struct dax_sysfs_nd_device dev = {
		.obj = obj,
		.attrs = nd_region,
		.driver = region->is_nd_disabled ? NULL : "nd_region",
	};

	snprintf(dev.name, sizeof(dev.name), "region%" PRIu32, region->id);
	dax_sysfs_region_dir(region, dev.dir);
	fn(walk, &dev, arg);
	if (region->is_nd_disabled)
		return;
	call_for(walk, &obj, btt_seed, NULL, "btt", 0, fn, arg);
	call_for(walk, &obj, pfn_seed, NULL, "pfn", 0, fn, arg);
	call_for(walk, &obj, dax_seed, NULL, "dax", dax_seed_id(region), fn, arg);
	dax_for_each_device (obj.dev, region) {
		uint32_t id = obj.dev->id;

		call_for(walk, &obj, nd_dax, "dax_pmem", "dax", id, fn, arg);
		call_for(walk, &obj, namespace, NULL, "namespace", id, fn, arg);
	}
	dax_for_each_absent (obj.dev, region) {
		uint32_t id = obj.dev->id;

		if (obj.dev->nd_state == DAX_ND_UNDRIVEN)
			call_for(walk, &obj, nd_dax, NULL, "dax", id, fn, arg);
		call_for(walk, &obj, namespace, NULL, "namespace", id, fn, arg);
	}
	obj.dev = NULL;
	if (is_labelled(&obj))
		call_for(walk, &obj, namespace_seed, NULL, "namespace",
			 dax_seed_id(region), fn, arg);
}

/**
 * dax_sysfs_ndbus_dir() - tell the directory of the bus device
 * @model:	the model, which has one
 *
 * Return: its path below /sys, a constant.
 */
const char *dax_sysfs_ndbus_dir(const struct dax_model *model)
{
	return dax_cxl_has_pmem(model) ? SYSFS_CXL_NDBUS : SYSFS_NDBUS;
}

static void for_each_nmem(struct sysfs_walk *walk, dax_sysfs_nd_device_fn fn,
			  const char *arg)
{
	struct dax_sysfs_nd_device dev = {
		.obj = {.model = dax_sysfs_model(walk)},
		.attrs = dax_sysfs_nmem_attrs,
		.driver = "nvdimm",
	};
	const struct dax_cxl *cxl = dev.obj.model->cxl;
	uint32_t *n = &dev.obj.n;

	for (*n = 0; *n < cxl->nr_memdevs; ++*n) {
		if (!cxl->memdevs[*n].is_bound)
			continue;
		snprintf(dev.name, sizeof(dev.name), "nmem%" PRIu32, *n);
		snprintf(dev.dir, sizeof(dev.dir), SYSFS_CXL_NDBUS "/%s", dev.name);
		fn(walk, &dev, arg);
	}
}

/**
 * dax_sysfs_for_each_nd_device() - call a function for all devices of the bus
 * @walk:	the walk
 * @fn:		the function; it is called for a parent before its children
 * @arg:	passed to @fn
 */
void dax_sysfs_for_each_nd_device(struct sysfs_walk *walk, dax_sysfs_nd_device_fn fn,
				  const char *arg)
{
	struct dax_sysfs_nd_device bus = {
		.obj = {.model = dax_sysfs_model(walk)},
		.attrs = ndbus,
		.driver = "nd_bus",
		.name = "ndbus0",
	};
	const struct dax_region *region;

	if (!dax_sysfs_has_nd(bus.obj.model))
		return;
	snprintf(bus.dir, sizeof(bus.dir), "%s", dax_sysfs_ndbus_dir(bus.obj.model));
	fn(walk, &bus, arg);
	if (dax_cxl_has_pmem(bus.obj.model))
		for_each_nmem(walk, fn, arg);
	dax_for_each_region (region, bus.obj.model)
		if (dax_region_is_nd(region))
			for_each_in_region(walk, region, fn, arg);
}

static void walk_nd_device(struct sysfs_walk *walk, const struct dax_sysfs_nd_device *dev,
			   const char *arg)
{
	char driver[64];

	(void)arg;
	dax_sysfs_dir(walk, &dev->obj, dev->attrs, "%s", dev->dir);
	dax_sysfs_link(walk, "bus/nd", "%s/subsystem", dev->dir);
	if (dev->driver) {
		snprintf(driver, sizeof(driver), "bus/nd/drivers/%s", dev->driver);
		dax_sysfs_link(walk, driver, "%s/driver", dev->dir);
	}
	if (dev->attrs == nd_region && is_labelled(&dev->obj))
		dax_sysfs_walk_nd_mappings(walk, &dev->obj, dev->dir);
	else if (dev->attrs == dax_sysfs_nmem_attrs)
		dax_sysfs_walk_nmem(walk, &dev->obj, dev->dir);
}

/**
 * dax_sysfs_walk_nd_devices() - visit the devices of the nd bus and its control node
 * @walk:	the walk
 */
void dax_sysfs_walk_nd_devices(struct sysfs_walk *walk)
{
	const struct sysfs_obj obj = {.model = dax_sysfs_model(walk)};
	const char *dir = dax_sysfs_ndbus_dir(obj.model);

	dax_sysfs_for_each_nd_device(walk, walk_nd_device, NULL);
	if (!dax_sysfs_has_nd(obj.model))
		return;
	dax_sysfs_dir(walk, &obj, NULL, "%s/firmware", dir);
	dax_sysfs_dir(walk, &obj, NULL, "%s/nd", dir);
	dax_sysfs_dir(walk, &obj, ndctl, "%s/nd/ndctl0", dir);
	dax_sysfs_link(walk, dir, "%s/nd/ndctl0/device", dir);
	dax_sysfs_link(walk, "class/nd", "%s/nd/ndctl0/subsystem", dir);
}
