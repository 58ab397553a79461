/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions and their devices: set-up, lookup, description. model_verbs.c changes them.
 *
 * Invariants of every region: ranges lie inside it and do not overlap; a dynamic
 * device's size is a multiple of max(align, 2 MiB). A single range may have any start
 * and, where a device grew into the holes beside such a range, any length.
 */
#include "libcore/model.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/memory.h"
#include "libcore/model_ranges.h"
#include "libcore/size.h"

/* Align of an nd region that is large enough for it: MEMREMAP_COMPAT_ALIGN_MAX. */
#define ND_ALIGN (16 * DAX_MIB)

/**
 * dax_model_take_minor() - allocate the lowest free minor
 * @model:	the model
 * @ret_minor:	receives the minor
 *
 * Return: 0, or -ENOSPC if none is free.
 */
int dax_model_take_minor(struct dax_model *model, uint32_t *ret_minor)
{
	uint32_t minor;

	for (minor = 0; minor < DAX_MINORS; minor++) {
		if (!dax_is_minor_taken(model, minor)) {
			model->minors[minor / 64] |= UINT64_C(1) << (minor % 64);
			*ret_minor = minor;
			return 0;
		}
	}
	return -ENOSPC;
}

/**
 * dax_model_release_minor() - free the minor of a deleted device
 * @model:	the model
 * @minor:	the device's minor
 *
 * A device that is deleted while a client holds it keeps its minor until the last
 * holder lets go. A minor that a device still has is left alone.
 */
void dax_model_release_minor(struct dax_model *model, uint32_t minor)
{
	const struct dax_region *region;
	const struct dax_dev *dev;

	if (minor >= DAX_MINORS)
		return;
	dax_for_each_region (region, model)
		dax_for_each_device (dev, region)
			if (dev->minor == minor)
				return;
	model->minors[minor / 64] &= ~(UINT64_C(1) << (minor % 64));
}

/**
 * dax_model_reserve_minor() - keep a minor for a later device
 * @model:	the model
 * @minor:	the minor
 *
 * Return: 0; -EBUSY: it is in use; -EINVAL: it is not below DAX_MINORS.
 */
int dax_model_reserve_minor(struct dax_model *model, uint32_t minor)
{
	if (minor >= DAX_MINORS)
		return -EINVAL;
	if (dax_is_minor_taken(model, minor))
		return -EBUSY;
	model->minors[minor / 64] |= UINT64_C(1) << (minor % 64);
	return 0;
}

/**
 * dax_dev_set_minor() - give a device the minor that was reserved for it
 * @model:	the model
 * @dev:	the device, which has not been published yet
 * @minor:	from dax_model_reserve_minor()
 */
void dax_dev_set_minor(struct dax_model *model, struct dax_dev *dev, uint32_t minor)
{
	uint32_t old = dev->minor;

	dev->minor = minor;
	dax_model_release_minor(model, old);
}

/**
 * dax_model_init() - make an empty model
 * @model:	receives it; dax_model_done() frees what it will own
 * @major:	major of the devices
 * @ndctl_major:	major of /dev/ndctlN
 */
void dax_model_init(struct dax_model *model, uint32_t major, uint32_t ndctl_major)
{
	*model = (struct dax_model){
		.major = major,
		.ndctl_major = ndctl_major,
		.kernel = DAX_KERNEL_OLDEST, /* the caller knows better */
		.has_dax_autoprobe = true,
		.has_nd_autoprobe = true,
	};
}

static void free_devices(struct dax_dev *dev)
{
	while (dev) {
		struct dax_dev *next = dev->next;

		dax_memory_free(dev);
		free(dev);
		dev = next;
	}
}

/**
 * dax_model_done() - free all regions and devices
 * @model:	an initialized model; empty afterwards
 */
void dax_model_done(struct dax_model *model)
{
	int i;

	while (model->regions) {
		struct dax_region *region = model->regions;

		model->regions = region->next;
		free_devices(region->devices);
		free_devices(region->absent);
		free(region);
	}
	for (i = 0; i < DAX_DRIVER_NR; i++) {
		free(model->ids[i].names);
		model->ids[i] = (struct dax_ids){0};
	}
}

/**
 * dax_model_find_id() - find a name in a driver's list of ids
 * @model:	the model
 * @driver:	the driver
 * @name:	"dax0.0"
 *
 * Return: the name in the list, or NULL.
 */
char *dax_model_find_id(const struct dax_model *model, enum dax_driver driver,
			const char *name)
{
	const struct dax_ids *ids = &model->ids[driver];
	uint32_t i;

	for (i = 0; i < ids->nr; i++)
		if (!strcmp(ids->names[i], name))
			return ids->names[i];
	return NULL;
}

/**
 * dax_dev_is_matched() - tell whether a driver takes a device
 * @model:	the model
 * @dev:	the device
 * @driver:	the driver
 *
 * The devices in its list of ids; besides, kmem takes those that are reserved for it, and
 * device_dax all others (drivers/dax/bus.c: dax_bus_match()).
 *
 * Return: true if it does.
 */
bool dax_dev_is_matched(const struct dax_model *model, const struct dax_dev *dev,
			enum dax_driver driver)
{
	const enum dax_driver usual =
		dev->region->is_reserved ? DAX_DRIVER_KMEM : DAX_DRIVER_DEVICE;
	char name[DAX_NAME_LEN];

	return driver == usual ||
	       dax_model_find_id(model, driver, dax_dev_name(dev, name));
}

/* Check that a region is possible beside the existing ones. */
static int check_region(const struct dax_model *model, const struct dax_region *like)
{
	uint64_t align = dax_max(like->align, DAX_SUBSECTION);
	const struct dax_region *region;
	uint64_t end;

	if (like->id > DAX_ID_MAX || !dax_is_align(like->align) || !like->size ||
	    __builtin_add_overflow(like->start, like->size, &end))
		return -EINVAL;
	/* bus.c: alloc_dax_region(); pfn_devs.c: nd_pfn_init() */
	if (!dax_is_aligned(like->start, align))
		return -EINVAL;
	if (dax_region_is_dynamic(like) && !dax_is_aligned(like->size, align))
		return -EINVAL;
	dax_for_each_region (region, model) {
		if (region->id == like->id)
			return -EEXIST;
		if (dax_is_overlap(region->start, region->size, like->start, like->size))
			return -EINVAL;
	}
	return 0;
}

/* Make one device of the whole region, as dax_hmem does. */
static int add_initial_device(struct dax_model *model, struct dax_region *region)
{
	const struct dax_dev like = {
		.align = region->align,
		.nr_ranges = 1,
		.ranges = {{.start = region->start, .len = region->size}},
	};

	return dax_region_add_device(region, model, 0, &like, NULL);
}

/**
 * dax_model_add_region() - set up a region
 * @model:	the model; it owns the new region
 * @like:	id, type, map, start, size, align, has_pages, nodes, window, pieces and
 *		is_reserved are copied
 * @ret_region:	receives the region if not NULL; valid until it is removed
 *
 * The start must be a multiple of max(align, 2 MiB), and so must be the size of a
 * dynamic region. A dynamic region comes with a device 0 over all of it, which is bound
 * unless the region is reserved for kmem; a static one is empty. The daemon has checked the values of its config
 * before, and explains mistakes better.
 *
 * Return: 0; -EEXIST: the id is taken; -EINVAL: id, sizes or align do not fit, or the
 * region overlaps another; -ENOSPC: no minor for device 0; -ENOMEM.
 */
int dax_model_add_region(struct dax_model *model, const struct dax_region *like,
			 struct dax_region **ret_region)
{
	struct dax_region **link = &model->regions;
	struct dax_region *region;
	int r;

	r = check_region(model, like);
	if (r < 0)
		return r;
	region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->id = like->id;
	region->type = like->type;
	region->map = like->map;
	region->start = like->start;
	region->size = like->size;
	region->align = like->align;
	region->has_pages = like->has_pages;
	region->numa_node = like->numa_node;
	region->target_node = like->target_node;
	/* region_devs.c: default_align() */
	region->nd_align = region->size < ND_ALIGN ? DAX_PAGE : ND_ALIGN;
	region->window = like->window;
	region->kernel = model->kernel;
	region->is_reserved = like->is_reserved;
	region->nr_pieces = like->nr_pieces;
	memcpy(region->pieces, like->pieces, sizeof(region->pieces));
	if (dax_region_is_dynamic(region)) {
		r = add_initial_device(model, region);
		if (r < 0) {
			free(region);
			return r;
		}
	}
	while (*link && (*link)->id < region->id)
		link = &(*link)->next;
	region->next = *link;
	*link = region;
	if (ret_region)
		*ret_region = region;
	return 0;
}

/**
 * dax_region_unbind() - unbind the driver hmem from a dynamic region
 * @region:	the region; its devices are freed
 *
 * The minors of its devices stay taken until dax_model_release_minor().
 *
 * Return: 0, or -ENODEV if it has no driver.
 */
int dax_region_unbind(struct dax_region *region)
{
	if (region->is_hmem_gone)
		return -ENODEV;
	free_devices(region->devices);
	region->devices = NULL;
	region->has_seed = false;
	region->has_youngest = false;
	region->is_hmem_gone = true;
	return 0;
}

/**
 * dax_region_bind() - bind the driver hmem to a dynamic region
 * @model:	the model
 * @region:	the region; it gets a bound device 0 over all of it
 *
 * Return: 0; -EBUSY: it has its driver; -ENOSPC: no minor for device 0; -ENOMEM.
 */
int dax_region_bind(struct dax_model *model, struct dax_region *region)
{
	int r;

	if (!region->is_hmem_gone)
		return -EBUSY;
	r = add_initial_device(model, region);
	if (r < 0)
		return r;
	region->is_hmem_gone = false;
	return 0;
}

/* True if a static device has a namespace of its own, and one aligned range in it. */
static bool is_static_fit(const struct dax_region *region, const struct dax_dev *like)
{
	const struct dax_range *range = &like->ranges[0];
	const struct dax_dev *dev;

	if (like->nr_ranges != 1 || !range->len ||
	    !dax_is_aligned(range->start | range->len, like->align))
		return false;
	if (!dax_is_within(like->ns_start, like->ns_size, region->start, region->size) ||
	    !dax_is_within(range->start, range->len, like->ns_start, like->ns_size))
		return false;
	dax_for_each_device (dev, region)
		if (dax_is_overlap(dev->ns_start, dev->ns_size, like->ns_start,
				   like->ns_size))
			return false;
	return true;
}

/* True if a dynamic device's ranges are free, apart, and its size is aligned. */
static bool is_dynamic_fit(const struct dax_region *region, const struct dax_dev *like)
{
	uint32_t i;
	uint32_t j;

	if (like->nr_ranges > dax_region_ranges_max(region))
		return false;
	for (i = 0; i < like->nr_ranges; i++) {
		const struct dax_range *range = &like->ranges[i];

		if (!range->len ||
		    !dax_is_aligned(range->start | range->len, DAX_SUBSECTION) ||
		    !dax_is_within(range->start, range->len, region->start,
				   region->size) ||
		    dax_region_is_used(region, range->start, range->len))
			return false;
		for (j = 0; j < i; j++)
			if (dax_is_overlap(range->start, range->len,
					   like->ranges[j].start, like->ranges[j].len))
				return false;
	}
	return dax_is_aligned(dax_dev_size(like), dax_dev_granule(like));
}

static void insert_device(struct dax_region *region, struct dax_dev *dev)
{
	struct dax_dev **link = &region->devices;

	while (*link && (*link)->id < dev->id)
		link = &(*link)->next;
	dev->next = *link;
	*link = dev;
}

/**
 * dax_region_find() - find a device of a region
 * @region:	the region
 * @id:		Y of daxX.Y
 *
 * Return: the device, or NULL.
 */
struct dax_dev *dax_region_find(const struct dax_region *region, uint32_t id)
{
	struct dax_dev *dev;

	dax_for_each_device (dev, region)
		if (dev->id == id)
			return dev;
	return NULL;
}

/**
 * dax_region_add_device() - set up a device
 * @region:	its region, which owns it
 * @model:	the region's model
 * @id:		Y of daxX.Y
 * @like:	align and ranges (addresses) are copied, and for a region on an nd bus
 *		ns_start, ns_size and uuid
 * @ret_dev:	receives the device if not NULL; valid until it is deleted
 *
 * A device with a size is bound. In a static region it fills a whole namespace of its
 * own; infoblock.h computes the namespace, the data offset and the size.
 *
 * Return: 0; -EEXIST: the id is taken; -EINVAL: id, align, ranges or namespace do not
 * fit; -ENOSPC: no minor is left; -ENOMEM.
 */
int dax_region_add_device(struct dax_region *region, struct dax_model *model, uint32_t id,
			  const struct dax_dev *like, struct dax_dev **ret_dev)
{
	struct dax_dev *dev;
	int r;

	if (dax_region_find(region, id))
		return -EEXIST;
	if (id > DAX_ID_MAX || !dax_is_align(like->align))
		return -EINVAL;
	if (dax_region_is_nd(region) ? !is_static_fit(region, like)
				     : !is_dynamic_fit(region, like))
		return -EINVAL;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	r = dax_model_take_minor(model, &dev->minor);
	if (r < 0) {
		free(dev);
		return r;
	}
	dev->region = region;
	dev->id = id;
	dev->align = like->align;
	dev->life = ++model->last_life;
	dev->generation = 1;
	dev->nr_ranges = like->nr_ranges;
	memcpy(dev->ranges, like->ranges, sizeof(dev->ranges));
	dev->is_bound =
		dev->nr_ranges && dax_dev_is_matched(model, dev, DAX_DRIVER_DEVICE);
	/* drivers/dax/cxl.c: cxl_dax_region_probe() */
	dev->has_memmap_on_memory = region->type == DAX_REGION_CXL && id == 0;
	if (dax_region_is_nd(region)) {
		dev->ns_start = like->ns_start;
		dev->ns_size = like->ns_size;
		memcpy(dev->uuid, like->uuid, sizeof(dev->uuid));
	}
	insert_device(region, dev);
	if (ret_dev)
		*ret_dev = dev;
	return 0;
}

/**
 * dax_region_extend() - enlarge a static region
 * @model:	the region's model
 * @region:	the region; its devices stay where they are
 * @size:	the new size in bytes, not less than before
 *
 * Return: 0; -ENOSPC: another region is in the way; -EINVAL: not a static region, or
 * @size is less than before.
 */
int dax_region_extend(struct dax_model *model, struct dax_region *region, uint64_t size)
{
	const struct dax_region *other;

	if (region->type != DAX_REGION_STATIC || size < region->size)
		return -EINVAL;
	dax_for_each_region (other, model)
		if (other != region &&
		    dax_is_overlap(region->start, size, other->start, other->size))
			return -ENOSPC;
	region->size = size;
	return 0;
}

/**
 * dax_region_remove_device() - undo dax_region_add_device()
 * @region:	its region
 * @dev:	the device in any state; freed
 *
 * Its minor stays taken until dax_model_release_minor().
 */
void dax_region_remove_device(struct dax_region *region, struct dax_dev *dev)
{
	struct dax_dev **link = &region->devices;

	if (region->has_seed && region->seed == dev->id)
		region->has_seed = false;
	if (region->has_youngest && region->youngest == dev->id)
		region->has_youngest = false;
	while (*link != dev)
		link = &(*link)->next;
	*link = dev->next;
	dax_memory_free(dev);
	free(dev);
}

/**
 * dax_model_remove_region() - remove a region with all its devices
 * @model:	its model
 * @region:	the region; freed
 *
 * The minors of its devices stay taken until dax_model_release_minor().
 */
void dax_model_remove_region(struct dax_model *model, struct dax_region *region)
{
	struct dax_region **link = &model->regions;

	free_devices(region->devices);
	free_devices(region->absent);
	while (*link != region)
		link = &(*link)->next;
	*link = region->next;
	free(region);
}

/**
 * dax_model_find_region() - find a region
 * @model:	the model
 * @id:		X of daxX.Y
 *
 * Return: the region, or NULL.
 */
struct dax_region *dax_model_find_region(const struct dax_model *model, uint32_t id)
{
	struct dax_region *region;

	dax_for_each_region (region, model)
		if (region->id == id)
			return region;
	return NULL;
}

/**
 * dax_model_find() - find a device
 * @model:	the model
 * @name:	"daxX.Y", with nothing behind it
 *
 * Return: the device, or NULL.
 */
struct dax_dev *dax_model_find(const struct dax_model *model, const char *name)
{
	const struct dax_region *region;
	uint32_t region_id;
	uint32_t id;

	if (dax_name_parse(name, &region_id, &id) < 0)
		return NULL;
	region = dax_model_find_region(model, region_id);
	return region ? dax_region_find(region, id) : NULL;
}

/**
 * dax_dev_name() - format a device's name
 * @dev:	the device
 * @buf:	receives "daxX.Y"
 *
 * Return: @buf.
 */
const char *dax_dev_name(const struct dax_dev *dev, char buf[DAX_NAME_LEN])
{
	/* No id is above DAX_ID_MAX; the remainder tells the compiler so. */
	snprintf(buf, DAX_NAME_LEN, "dax%" PRIu32 ".%" PRIu32,
		 dev->region->id % (DAX_ID_MAX + 1), dev->id % (DAX_ID_MAX + 1));
	return buf;
}

/**
 * dax_dev_size() - compute a device's size
 * @dev:	the device
 *
 * Return: the sum of its ranges in bytes; 0 if it was only created.
 */
uint64_t dax_dev_size(const struct dax_dev *dev)
{
	uint64_t size = 0;
	uint32_t i;

	for (i = 0; i < dev->nr_ranges; i++)
		size += dev->ranges[i].len;
	return size;
}

/**
 * dax_region_available() - compute the free space of a dynamic region
 * @region:	the region
 *
 * Return: bytes, in one piece or many; 0 for a static region.
 */
uint64_t dax_region_available(const struct dax_region *region)
{
	uint64_t available = region->size;
	const struct dax_dev *dev;

	if (dax_region_is_nd(region))
		return 0;
	dax_for_each_device (dev, region)
		available -= dax_dev_size(dev);
	return available;
}

/* Append the bytes of the store that a range of a CXL region's device has. */
static void describe_pieces(const struct dax_region *region, uint64_t start, uint64_t len,
			    struct dax_device *ret)
{
	uint64_t at = 0;
	uint32_t i;

	for (i = 0; i < region->nr_pieces; at += region->pieces[i++].len) {
		const struct dax_range *piece = &region->pieces[i];
		uint64_t from = dax_max(start, at);
		uint64_t to = dax_min(start + len, at + piece->len);

		if (from < to)
			ret->ranges[ret->nr_ranges++] = (struct dax_range){
				.start = piece->start + (from - at),
				.len = to - from,
			};
	}
}

/**
 * dax_dev_describe() - describe a device for the rest of the program
 * @model:	the model
 * @dev:	the device
 * @ret:	receives the description; every field is written
 *
 * Of the flags, only ALIVE, FAMFS and NO_PAGES may be set. Range starts become offsets from
 * the region's start, those of a CXL region offsets in the memory of all its devices. The ranges of a bound device end before the first one that is not
 * on 2 MiB: `mapping` can add such a range to a live device, but the kernel makes page
 * structs for it only when the device is bound again, which then fails.
 */
void dax_dev_describe(const struct dax_model *model, const struct dax_dev *dev,
		      struct dax_device *ret)
{
	const struct dax_region *region = dev->region;
	uint32_t i;

	memset(ret, 0, sizeof(*ret));
	dax_dev_name(dev, ret->name);
	ret->region_id = region->id;
	ret->id = dev->id;
	ret->major = model->major;
	ret->minor = dev->minor;
	if (dev->is_bound && dev->driver != DAX_DRIVER_KMEM)
		ret->flags |= DAX_DEVICE_ALIVE;
	if (dev->driver == DAX_DRIVER_FSDEV)
		ret->flags |= DAX_DEVICE_FAMFS;
	if (!region->has_pages)
		ret->flags |= DAX_DEVICE_NO_PAGES;
	ret->align = dev->align;
	ret->life = dev->life;
	ret->generation = dev->generation;
	for (i = 0; i < dev->nr_ranges; i++) {
		const struct dax_range *range = &dev->ranges[i];

		if (dev->is_bound && !dax_dev_is_mappable(dev, range))
			break;
		ret->size += range->len;
		if (dax_region_is_cxl(region))
			describe_pieces(region, range->start - region->start, range->len,
					ret);
		else
			ret->ranges[ret->nr_ranges++] = (struct dax_range){
				.start = range->start - region->start,
				.len = range->len,
			};
	}
}
