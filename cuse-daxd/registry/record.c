/* SPDX-License-Identifier: BSD-2-Clause */
/* The record of how a persistent region is cut into devices. */
#include "cuse-daxd/registry/record.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/layout.h"
#include "libcore/model.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/slots.h"

static const char *const type_name[] = {
	[DAX_REGION_STATIC] = "static",
	[DAX_REGION_DYNAMIC] = "dynamic",
	[DAX_REGION_CXL] = "cxl",
};

static int fail_other(const struct daxd_region_cfg *cfg, const struct daxd_store *store,
		      struct daxd_why *why)
{
	const struct dax_layout *found = &store->record.found;

	return daxd_fail(why, EINVAL,
			 "%s: holds %u device%s of a %s region, but [region %u] "
			 "says otherwise (type=%s%s, or give another path)",
			 store->path, found->nr_devices,
			 found->nr_devices == 1 ? "" : "s", type_name[found->type],
			 cfg->id, type_name[found->type],
			 found->type == DAX_REGION_STATIC
				 ? " and leave out the devices, or list them as they were"
				 : "");
}

static bool has_id(const struct dax_layout *found, uint32_t id)
{
	struct dax_layout_dev dev;
	size_t cursor = 0;

	while (dax_layout_next(found, &cursor, &dev))
		if (dev.id == id)
			return true;
	return false;
}

/*
 * True if the config does not say how to cut the region into devices: it has one device,
 * perhaps an implicit one, without a size, and the record has one of this id.
 */
static bool says_nothing(const struct daxd_region_cfg *cfg,
			 const struct dax_layout *found)
{
	const struct daxd_device_cfg *only = cfg->devices;

	return !only->next && !(only->given & DAXD_GIVEN_SIZE) &&
	       (only->line == cfg->line || has_id(found, only->id));
}

static void take_devices(struct daxd_region_cfg *cfg, const struct dax_layout *found)
{
	struct daxd_device_cfg *only = cfg->devices;
	const struct daxd_perms perms = only->perms;
	bool is_named = has_id(found, only->id);
	struct dax_layout_dev dev;
	size_t cursor = 0;

	while (dax_layout_next(found, &cursor, &dev)) {
		struct daxd_device_cfg *d = only;

		if (!is_named)
			only->id = dev.id;
		else if (dev.id != only->id)
			d = daxd_config_add_device(cfg, dev.id, cfg->line);
		is_named = true;
		d->size = dev.nr_ranges ? dev.ranges[0].len : 0;
		d->given |= DAXD_GIVEN_SIZE;
		d->perms = perms;
	}
}

static bool is_same_devices(const struct daxd_region_cfg *cfg,
			    const struct dax_layout *found, uint64_t size)
{
	const struct daxd_device_cfg *d;
	struct dax_layout_dev dev;
	uint64_t rest = size;
	size_t cursor = 0;

	for (d = cfg->devices; d; d = d->next)
		if (d->given & DAXD_GIVEN_SIZE)
			rest -= d->size;
	d = cfg->devices;
	while (dax_layout_next(found, &cursor, &dev)) {
		if (!d || d->id != dev.id || dev.nr_ranges != 1 ||
		    dev.ranges[0].len != (d->given & DAXD_GIVEN_SIZE ? d->size : rest))
			return false;
		d = d->next;
	}
	return !d;
}

/**
 * daxd_record_check() - check that the record matches the configuration of a region
 * @cfg:	the region; a static one that names no devices gets those of the record
 * @store:	has a record
 * @why:	receives the difference
 *
 * Return: 0 or a negative errno.
 */
int daxd_record_check(struct daxd_region_cfg *cfg, struct daxd_store *store,
		      struct daxd_why *why)
{
	const struct dax_layout *found = &store->record.found;

	if (found->type > DAX_REGION_DYNAMIC)
		return daxd_fail(why, EBADMSG, "%s: the record of its devices is damaged",
				 store->path);
	if (found->type != cfg->type)
		return dax_layout_is_plain(found) ? 0 : fail_other(cfg, store, why);
	if (cfg->type == DAX_REGION_DYNAMIC)
		return 0;
	if (says_nothing(cfg, found))
		take_devices(cfg, found);
	else if (!is_same_devices(cfg, found, store->size))
		return fail_other(cfg, store, why);
	return 0;
}

static const enum dax_layout_flag driver_flag[DAX_DRIVER_NR] = {
	[DAX_DRIVER_KMEM] = DAX_LAYOUT_KMEM,
	[DAX_DRIVER_FSDEV] = DAX_LAYOUT_FSDEV,
};

/* Describe the current state of a dynamic region's device. */
static void describe_layout(const struct daxd_region *region, const struct dax_dev *dev,
			    struct dax_layout_dev *ret)
{
	const struct dax_region *r = region->region;
	uint32_t i;

	*ret = (struct dax_layout_dev){
		.id = dev->id,
		.align = dev->align,
		.nr_ranges = dev->nr_ranges,
	};
	if (dev->is_bound)
		ret->flags |= DAX_LAYOUT_BOUND | (uint32_t)driver_flag[dev->driver];
	if (r->has_seed && r->seed == dev->id)
		ret->flags |= DAX_LAYOUT_SEED;
	if (r->has_youngest && r->youngest == dev->id)
		ret->flags |= DAX_LAYOUT_YOUNGEST;
	for (i = 0; i < dev->nr_ranges; i++)
		ret->ranges[i] = (struct dax_range){
			.start = dev->ranges[i].start - r->start,
			.len = dev->ranges[i].len,
		};
}

static int add_dynamic_layout(struct dax_layout_writer *w,
			      const struct daxd_region *region)
{
	const struct dax_region *model = region->region;
	const struct dax_layout_dev whole = {
		.flags = DAX_LAYOUT_BOUND,
		.align = model->align,
		.nr_ranges = 1,
		.ranges = {{0, model->size}},
	};
	const struct dax_dev *dev;
	int r = 0;

	/* Without its driver: record the state after the driver is bound again. */
	if (model->is_hmem_gone)
		return dax_layout_add(w, &whole);
	dax_for_each_device (dev, model) {
		struct dax_layout_dev out;

		describe_layout(region, dev, &out);
		r = dax_layout_add(w, &out);
		if (r < 0)
			break;
	}
	return r;
}

/* Disabled devices are recorded as enabled, as they are after a boot. */
static int add_static_layout(struct dax_layout_writer *w,
			     const struct daxd_region_cfg *cfg)
{
	const struct daxd_device_cfg *dev;
	uint64_t at = 0;
	int r = 0;

	for (dev = cfg->devices; r == 0 && dev; at += dev->size, dev = dev->next) {
		const struct dax_layout_dev out = {
			.id = dev->id,
			.flags = DAX_LAYOUT_BOUND,
			.align = cfg->align,
			.nr_ranges = 1,
			.ranges = {{at, dev->size}},
		};

		r = dax_layout_add(w, &out);
	}
	return r;
}

static int encode_region(const struct daxd_region *region, uint8_t *buf,
			 size_t *ret_length)
{
	const struct daxd_region_cfg *cfg = region->cfg;
	const struct daxd_store *store = region->store;
	struct dax_layout like = {
		.size = store->size,
		.align = cfg->align,
		.type = cfg->type,
	};
	struct dax_layout_writer w;
	int r;

	if (store->backing == DAXD_PMEM)
		memcpy(like.uuid, store->block.uuid, sizeof(like.uuid));
	r = dax_layout_begin(&w, buf, store->record.area.slot_size, &like);
	if (r == 0)
		r = cfg->type == DAX_REGION_DYNAMIC ? add_dynamic_layout(&w, region)
						    : add_static_layout(&w, cfg);
	if (r == 0)
		*ret_length = dax_layout_end(&w);
	return r;
}

/* Write one slot after the other. The only valid slot is never the first. */
static int write_slots(struct daxd_store *store, uint8_t *buf, size_t length)
{
	struct daxd_record *record = &store->record;
	unsigned int i;

	dax_layout_seal(buf, length, ++record->sequence);
	for (i = 0; i < DAX_LAYOUT_SLOTS; i++) {
		unsigned int slot = record->first ^ i;
		int r = store->ops->write(store, record->area.offset[slot], buf, length);

		if (r < 0) {
			record->first = slot;
			return r;
		}
	}
	return 0;
}

static void revert_region(struct daxd_registry *reg, struct daxd_region *region)
{
	struct daxd_record *record = &region->store->record;
	const struct dax_layout layout = {
		.record = record->last,
		.length = record->last_length,
	};

	if (record->last_length && region->region->type == DAX_REGION_DYNAMIC)
		dax_layout_revert(&layout, &reg->model, region->region);
}

static int save_region(struct daxd_registry *reg, struct daxd_region *region,
		       struct daxd_why *why)
{
	struct daxd_store *store = region->store;
	struct daxd_record *record = &store->record;
	g_autofree uint8_t *buf = g_malloc(record->area.slot_size);
	g_autofree uint8_t *unsealed = NULL;
	size_t length = 0;
	int r;

	r = encode_region(region, buf, &length);
	if (r < 0) {
		revert_region(reg, region);
		return daxd_fail(why, -r,
				 "%s: has no room for more in the record of its devices "
				 "(destroy some; with map=mem there is room for all)",
				 store->path);
	}
	if (record->last_length == length && !memcmp(record->last, buf, length))
		return 0;
	unsealed = g_memdup2(buf, length);
	r = write_slots(store, buf, length);
	if (r == 0) {
		daxd_slots_remember(record, unsealed, length);
		return 0;
	}
	revert_region(reg, region);
	return daxd_fail(why, -r,
			 "%s: the record of its devices can't be written: %s; nothing "
			 "has changed",
			 store->path, strerror(-r));
}

/**
 * daxd_record_save() - save changed records in the regions' files
 * @reg:	the registry
 * @why:	receives the reason of the first failure
 *
 * Return: 0, or a negative errno: the region's devices are again as before the change.
 */
int daxd_record_save(struct daxd_registry *reg, struct daxd_why *why)
{
	int first = 0;
	guint i;

	for (i = 0; i < reg->regions->len; i++) {
		struct daxd_region *region = g_ptr_array_index(reg->regions, i);
		const struct daxd_store *store = region->store;
		struct daxd_why ignored;
		int r;

		if (!store || !store->wants_record || !store->record.area.slot_size)
			continue;
		r = save_region(reg, region, first ? &ignored : why);
		if (!first)
			first = r;
	}
	return first;
}
