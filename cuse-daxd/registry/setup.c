/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Make stores and a model from the config.
 *
 * First all stores are opened and all sizes set, then all stores are made, then the model
 * is filled: failures that the user can cause happen before anything that programs see
 * has changed.
 */
#include "cuse-daxd/registry/setup.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "libcore/address.h"
#include "libcore/cxl.h"
#include "libcore/device.h"
#include "libcore/driver.h"
#include "libcore/infoblock.h"
#include "libcore/kernel.h"
#include "libcore/layout.h"
#include "libcore/memory.h"
#include "libcore/model.h"
#include "libcore/model_verbs.h"
#include "libcore/size.h"
#include "libcore/state.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/systemd.h"
#include "cuse-daxd/config/check.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/record.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/store.h"

static int fail_problem(const GPtrArray *problems, struct daxd_why *why)
{
	return daxd_fail(why, EINVAL, "%s", (const char *)g_ptr_array_index(problems, 0));
}

/* Check that the content of the file matches the config. */
static int check_content(const struct daxd_region_cfg *cfg,
			 const struct daxd_store *store, struct daxd_why *why)
{
	static const char *const map_name[] = {
		[DAX_MAP_MEM] = "mem", [DAX_MAP_DEV] = "dev"};
	char has[DAX_SIZE_STRLEN];
	char says[DAX_SIZE_STRLEN];

	if (cfg->size && cfg->size != store->size)
		return daxd_fail(why, EINVAL,
				 "%s: exists and has %s, but [region "
				 "%u] says %s (leave out size, or give another path)",
				 store->path, dax_size_format(store->size, has), cfg->id,
				 dax_size_format(cfg->size, says));
	if (store->align && cfg->given & DAXD_GIVEN_ALIGN && cfg->align != store->align)
		return daxd_fail(why, EINVAL,
				 "%s: was made with align=%s, but [region "
				 "%u] says %s (leave out align, or give another path)",
				 store->path, dax_size_format(store->align, has), cfg->id,
				 dax_size_format(cfg->align, says));
	if (cfg->backing == DAXD_PMEM && cfg->given & DAXD_GIVEN_MAP &&
	    cfg->map != store->map)
		return daxd_fail(why, EINVAL,
				 "%s: was made with map=%s, but [region "
				 "%u] says %s (leave out map, or give another path)",
				 store->path, map_name[store->map], cfg->id,
				 map_name[cfg->map]);
	return 0;
}

/* Open the store of a whole region, and take from it the settings that it determines. */
static int open_shared(const struct daxd_config *config, struct daxd_region *region,
		       struct daxd_why *why)
{
	g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *name = g_strdup_printf("region %u", region->cfg->id);
	struct daxd_region_cfg *cfg = region->cfg;
	const struct daxd_store_spec spec = {
		.backing = cfg->backing,
		.path = cfg->path,
		.name = name,
		.size = cfg->size,
		.may_wipe = config->may_wipe,
		.wants_record = cfg->type == DAX_REGION_DYNAMIC || cfg->devices->next,
	};
	struct daxd_store *store;
	int r;

	r = daxd_store_open(&spec, &region->store, why);
	if (r < 0)
		return r;
	store = region->store;
	if (store->has_content) {
		r = check_content(cfg, store, why);
		if (r == 0 && store->record.has_found)
			r = daxd_record_check(cfg, store, why);
		if (r < 0)
			return r;
		store->wants_record |= cfg->devices->next != NULL;
		if (store->align)
			cfg->align = store->align;
		if (cfg->backing == DAXD_PMEM)
			cfg->map = store->map;
	}
	if (!cfg->size && store->room) {
		store->size = daxd_store_fit(store, cfg->align, cfg->map);
		if (!store->size)
			return daxd_fail(why, EINVAL,
					 "%s: exists and is empty, but too "
					 "small for a device (remove it, or make it "
					 "larger with truncate)",
					 store->path);
	}
	daxd_check_settle(config, cfg, cfg->size ? cfg->size : store->size, problems);
	if (problems->len)
		return fail_problem(problems, why);
	store->size = cfg->size;
	store->align = cfg->align;
	store->map = cfg->map;
	return 0;
}

/**
 * daxd_setup_open_region() - open the shared store of a region, if any, and set its sizes
 * @config:	the configuration, checked
 * @cfg:	the region's part of it; complete afterwards; kept
 * @ret:	receives the region, also after a failure
 * @why:	receives the reason of a failure
 *
 * Return: 0 or a negative errno.
 */
int daxd_setup_open_region(const struct daxd_config *config, struct daxd_region_cfg *cfg,
			   struct daxd_region **ret, struct daxd_why *why)
{
	*ret = g_new0(struct daxd_region, 1);
	(*ret)->cfg = cfg;
	return daxd_config_is_shared(cfg) ? open_shared(config, *ret, why) : 0;
}

/**
 * daxd_setup_open() - open the shared stores of all regions, and set all sizes
 * @reg:	to be filled; for daxd_start_undo(), also after a failure
 * @cfg:	checked; complete afterwards; kept
 * @why:	receives the reason of a failure
 *
 * Changes no files.
 *
 * Return: 0 or a negative errno.
 */
int daxd_setup_open(struct daxd_registry *reg, struct daxd_config *cfg,
		    struct daxd_why *why)
{
	struct daxd_region_cfg *r_cfg;
	struct daxd_region *region;
	int r;

	*reg = (struct daxd_registry){
		.cfg = cfg,
		.regions = g_ptr_array_new_with_free_func(g_free),
		.devices = g_ptr_array_new_with_free_func(daxd_device_free),
		.gone = g_ptr_array_new_with_free_func(daxd_device_free),
		.parked = g_ptr_array_new_with_free_func(daxd_device_free),
	};
	for (r_cfg = cfg->regions; r_cfg; r_cfg = r_cfg->next) {
		r = daxd_setup_open_region(cfg, r_cfg, &region, why);
		g_ptr_array_add(reg->regions, region);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_own_store(struct daxd_device *dev, uint64_t size, struct daxd_why *why)
{
	char name[DAX_NAME_LEN];
	const struct daxd_store_spec spec = {
		.backing = dev->region->cfg->backing,
		.name = dax_dev_name(dev->dev, name),
	};
	struct daxd_store *store;
	int r;

	r = daxd_store_open(&spec, &store, why);
	if (r < 0)
		return r;
	dev->store = store;
	dev->owns_store = true;
	store->size = size;
	store->align = dev->region->cfg->align;
	return daxd_store_make(store, why);
}

static int fail_model(int error, const struct daxd_region *region, struct daxd_why *why)
{
	return daxd_fail(why, -error, "[region %u] can't be set up: %s", region->cfg->id,
			 strerror(-error));
}

static int add_region(struct daxd_registry *reg, struct daxd_region *region,
		      uint64_t start, uint64_t size, struct daxd_why *why)
{
	const struct daxd_region_cfg *cfg = region->cfg;
	const struct dax_region like = {
		.id = cfg->id,
		.type = cfg->type,
		.map = cfg->map,
		.start = start,
		.size = size,
		.align = cfg->align,
		.has_pages = cfg->has_pages,
		.numa_node = cfg->numa_node,
		.target_node = cfg->target_node,
		.is_reserved =
			cfg->cxl.start == DAX_CXL_START_KERNEL &&
			dax_kernel_has(reg->model.kernel, DAX_RULE_RESERVES_FOR_KMEM),
	};
	int r = dax_model_add_region(&reg->model, &like, &region->region);

	return r < 0 ? fail_model(r, region, why) : 0;
}

/* True if the region's only device is that of the file's namespace. */
static bool is_namespace(const struct daxd_region *region)
{
	return region->cfg->backing == DAXD_PMEM && !region->cfg->devices->next;
}

/* In a pmem: file, derive the uuid from the namespace's: the same at each start. */
static int make_device_uuid(const struct daxd_region *region, uint32_t id,
			    uint8_t uuid[DAX_UUID_LEN])
{
	if (region->cfg->backing == DAXD_PMEM) {
		memcpy(uuid, region->store->block.uuid, DAX_UUID_LEN);
		uuid[DAX_UUID_LEN - 1] ^= (uint8_t)id;
		uuid[DAX_UUID_LEN - 2] ^= (uint8_t)(id >> 8);
		return 0;
	}
	return getrandom(uuid, DAX_UUID_LEN, 0) == DAX_UUID_LEN ? 0 : -EIO;
}

/*
 * Compute the place of a static region's device in its namespace. Only the single device
 * of a pmem store has a real namespace; others get the place that a device of this size
 * would have in one.
 */
static int place_device(const struct daxd_region *region, uint32_t id, uint64_t size,
			uint64_t ns_start, struct dax_dev *ret)
{
	const struct daxd_region_cfg *cfg = region->cfg;
	const struct daxd_store *store = region->store;
	struct dax_infoblock block;
	uint64_t ns_size;
	int r;

	if (is_namespace(region)) {
		block = store->block;
		ns_size = store->ns_size;
	} else {
		r = dax_address_block(size, cfg->align, cfg->map, &block, &ns_size);
		if (r < 0)
			return r;
		r = make_device_uuid(region, id, block.uuid);
		if (r < 0)
			return r;
	}
	dax_address_device(&block, ns_start, ns_size, size, cfg->align, ret);
	return 0;
}

static int add_static_device(struct daxd_registry *reg, struct daxd_region *region,
			     const struct daxd_device_cfg *cfg,
			     const struct dax_dev *like, uint64_t *offset,
			     struct daxd_why *why)
{
	struct daxd_device *d;
	struct dax_dev *dev;
	int r;

	r = dax_region_add_device(region->region, &reg->model, cfg->id, like, &dev);
	if (r < 0)
		return fail_model(r, region, why);
	d = daxd_devices_add(reg, region, dev);
	d->perms = cfg->perms;
	if (is_namespace(region)) {
		d->base = dev->ns_start;
		return 0;
	}
	/* Without a namespace, it begins at the end of the previous device. */
	d->base = dev->ranges[0].start - *offset;
	if (region->store)
		*offset += cfg->size;
	else
		return make_own_store(d, cfg->size, why);
	return 0;
}

static int add_static_region(struct daxd_registry *reg, struct daxd_region *region,
			     uint64_t start, uint64_t *ret_size, struct daxd_why *why)
{
	g_autoptr(GArray) likes = g_array_new(FALSE, FALSE, sizeof(struct dax_dev));
	const struct daxd_device_cfg *cfg;
	uint64_t offset = region->store ? region->store->data : 0;
	uint64_t end = start;
	guint i = 0;
	int r;

	for (cfg = region->cfg->devices; cfg; cfg = cfg->next) {
		struct dax_dev like;

		r = place_device(region, cfg->id, cfg->size,
				 dax_address_next_namespace(end, region->cfg->align),
				 &like);
		if (r < 0)
			return fail_model(r, region, why);
		end = like.ns_start + like.ns_size;
		g_array_append_val(likes, like);
	}
	*ret_size = end - start;
	r = add_region(reg, region, start, end - start, why);
	for (cfg = region->cfg->devices; r == 0 && cfg; cfg = cfg->next)
		r = add_static_device(reg, region, cfg,
				      &g_array_index(likes, struct dax_dev, i++), &offset,
				      why);
	return r;
}

/* Shrink the region's first device, which has all of it at the beginning. */
static int resize_first(struct daxd_registry *reg, struct dax_dev *dev, uint64_t size)
{
	const bool is_bound = dev->is_bound;
	int r;

	if (size == dax_dev_size(dev))
		return 0;
	if (is_bound)
		dax_dev_unbind(&reg->model, dev);
	r = dax_dev_set_size(dev, size);
	if (r == 0 && size && is_bound)
		r = dax_dev_bind(&reg->model, dev);
	return r;
}

/* Create the devices that are in the file's record. */
static int restore_devices(struct daxd_registry *reg, struct daxd_region *region,
			   struct daxd_why *why)
{
	const struct dax_layout *found = &region->store->record.found;
	const char *fault = "";
	int r = dax_layout_restore(found, &reg->model, region->region, &fault);

	if (r == -EINVAL)
		return daxd_fail(why, EINVAL,
				 "%s: the record of its devices makes no sense: %s; "
				 "nothing was changed (restore the image)",
				 region->store->path, fault);
	return r < 0 ? fail_model(r, region, why) : 0;
}

/* Create the devices that are in the config. */
static int cut_devices(struct daxd_registry *reg, struct daxd_region *region,
		       uint64_t start, struct daxd_why *why)
{
	const struct daxd_device_cfg *cfg = region->cfg->devices;
	uint64_t at = start + cfg->size;
	int r;

	r = resize_first(reg, region->region->devices, cfg->size);
	for (cfg = cfg->next; r == 0 && cfg; cfg = cfg->next) {
		const struct dax_dev like = {
			.align = region->cfg->align,
			.nr_ranges = cfg->size > 0,
			.ranges = {{at, cfg->size}},
		};

		r = dax_region_add_device(region->region, &reg->model, cfg->id, &like,
					  NULL);
		at += cfg->size;
	}
	return r < 0 ? fail_model(r, region, why) : 0;
}

static int add_dynamic_region(struct daxd_registry *reg, struct daxd_region *region,
			      uint64_t start, struct daxd_why *why)
{
	const struct daxd_record *record = &region->store->record;
	struct dax_dev *dev;
	int r;

	region->base = start - region->store->data;
	r = add_region(reg, region, start, region->cfg->size, why);
	if (r < 0)
		return r;
	if (record->has_found && record->found.type == DAX_REGION_DYNAMIC)
		r = restore_devices(reg, region, why);
	else
		r = cut_devices(reg, region, start, why);
	if (r < 0)
		return r;
	dax_for_each_device (dev, region->region)
		daxd_devices_add(reg, region, dev);
	return 0;
}

/* Choose the uuids that a region of persistent memory has at the start. */
static int make_cxl_uuids(struct dax_cxl *cxl)
{
	uint8_t *const uuids[] = {cxl->region_uuid, cxl->labels.uuid,
				  cxl->labels.dax_uuid};
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(uuids); i++)
		if (getrandom(uuids[i], DAX_UUID_LEN, 0) != DAX_UUID_LEN)
			return -EIO;
	return 0;
}

/* Add the CXL bus, and the region that is there at the start. */
static int add_cxl_region(struct daxd_registry *reg, struct daxd_region *region,
			  uint64_t start, struct daxd_why *why)
{
	const struct daxd_region_cfg *cfg = region->cfg;
	struct dax_cxl like = {
		.major = reg->rt->state->cxl_major,
		.start = start,
		.nr_windows = cfg->cxl.nr_windows,
		.nr_bridges = cfg->cxl.nr_bridges,
		.nr_memdevs = cfg->cxl.nr_memdevs,
		.memdev_size = cfg->size / cfg->cxl.nr_memdevs,
		.partition = cfg->cxl.partition,
		.how = cfg->cxl.start,
		.align = cfg->align,
		.map = cfg->map,
		.has_pages = cfg->has_pages,
		.numa_node = cfg->numa_node,
		.target_node = cfg->target_node,
	};
	const struct dax_region *dax;
	struct dax_dev *dev;
	int i;
	int r;

	memcpy(like.windows, cfg->cxl.windows, sizeof(like.windows));
	r = make_cxl_uuids(&like);
	if (r == 0)
		r = dax_cxl_add(&reg->model, &like);
	if (r == 0 && like.how != DAX_CXL_START_NONE)
		r = dax_cxl_make_region(&reg->model, cfg->id, cfg->cxl.ways,
					cfg->cxl.granularity);
	if (r < 0)
		return fail_model(r, region, why);
	dax = dax_model_find_region(&reg->model, cfg->id);
	if (dax)
		dax_for_each_device (dev, dax)
			daxd_devices_add(reg, region, dev);
	for (i = 0; i < (int)cfg->cxl.nr_memdevs; i++) {
		struct daxd_device *node = daxd_devices_add(reg, NULL, NULL);

		node->memdev = i;
		node->perms = (struct daxd_perms){0600, geteuid(), getegid()};
	}
	return 0;
}

/* True if the devices of a dynamic region are those of its file. */
static bool is_recorded(const struct daxd_region *region)
{
	return region->cfg->type == DAX_REGION_DYNAMIC &&
	       region->store->record.has_found &&
	       region->store->record.found.type == DAX_REGION_DYNAMIC;
}

/* Bind a device to the driver of its mode at the start. */
static int set_mode(struct daxd_registry *reg, const struct daxd_region_cfg *region,
		    const struct daxd_device_cfg *cfg, struct daxd_why *why)
{
	const struct dax_region *r = dax_model_find_region(&reg->model, region->id);
	struct dax_dev *dev = r ? dax_region_find(r, cfg->id) : NULL;
	int error;

	if (!dev || !dev->nr_ranges || cfg->driver == DAX_DRIVER_DEVICE)
		return 0;
	if (!dax_driver_exists(cfg->driver, reg->model.kernel))
		return daxd_fail(why, EINVAL,
				 "[device %u.%u] mode=famfs: Linux %s does not have it "
				 "(use kernel=7.3)",
				 region->id, cfg->id, dax_kernel_name(reg->model.kernel));
	dax_dev_unbind(&reg->model, dev);
	error = dax_dev_attach(dev, cfg->driver);
	if (error < 0)
		return daxd_fail(why, -error,
				 "[device %u.%u] mode=system-ram: %s (it needs a "
				 "target-node=, and one to %d memory blocks of 128M)",
				 region->id, cfg->id, strerror(-error),
				 DAX_MEMORY_BLOCKS_MAX);
	return 0;
}

static int set_modes(struct daxd_registry *reg, const struct daxd_region_cfg *region,
		     struct daxd_why *why)
{
	const struct daxd_device_cfg *cfg;
	int r = 0;

	for (cfg = region->devices; r == 0 && cfg; cfg = cfg->next)
		r = set_mode(reg, region, cfg, why);
	return r;
}

/**
 * daxd_setup_make_region() - make a region with its store and its devices
 * @reg:	the registry
 * @region:	opened; added behind all others in the model
 * @why:	receives the reason of a failure
 *
 * Return: 0, or a negative errno: parts of the region may exist.
 */
int daxd_setup_make_region(struct daxd_registry *reg, struct daxd_region *region,
			   struct daxd_why *why)
{
	uint64_t start = dax_address_next_region(&reg->model);
	uint64_t size;
	int r;

	r = region->store ? daxd_store_make(region->store, why) : 0;
	if (r < 0)
		return r;
	if (region->cfg->type == DAX_REGION_STATIC)
		r = add_static_region(reg, region, start, &size, why);
	else if (region->cfg->type == DAX_REGION_CXL)
		r = add_cxl_region(reg, region, start, why);
	else
		r = add_dynamic_region(reg, region, start, why);
	if (r == 0 && !is_recorded(region))
		r = set_modes(reg, region->cfg, why);
	return r;
}

/**
 * daxd_setup_make_device() - add a device to a static region
 * @reg:	the registry
 * @region:	a region whose devices have stores of their own; grows at its end
 * @cfg:	the configuration of the device
 * @why:	receives the reason of a failure
 *
 * Return: 0, or a negative errno: the device may exist without a store.
 */
int daxd_setup_make_device(struct daxd_registry *reg, struct daxd_region *region,
			   const struct daxd_device_cfg *cfg, struct daxd_why *why)
{
	struct dax_region *r = region->region;
	struct dax_dev like;
	uint64_t none = 0;
	int error;

	error = place_device(region, cfg->id, cfg->size,
			     dax_address_next_namespace(r->start + r->size,
							region->cfg->align),
			     &like);
	if (error == 0)
		error = dax_region_extend(&reg->model, r,
					  like.ns_start + like.ns_size - r->start);
	if (error == -ENOSPC)
		return daxd_fail(why, ENOSPC,
				 "[device %u.%u] there is no room behind its region "
				 "before the next one (put it into a new region, or "
				 "restart the daemon)",
				 region->cfg->id, cfg->id);
	if (error < 0)
		return fail_model(error, region, why);
	error = add_static_device(reg, region, cfg, &like, &none, why);
	return error == 0 ? set_mode(reg, region->cfg, cfg, why) : error;
}

/**
 * daxd_setup_add_ndctl() - add the control node of the nd bus, if there is an nd bus
 * @reg:	the registry, all regions made
 *
 * Does nothing if the node exists already.
 */
void daxd_setup_add_ndctl(struct daxd_registry *reg)
{
	bool has_nd = dax_cxl_has_pmem(&reg->model);
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (!dev->region && dev->memdev < 0)
			return;
		if (!dev->region)
			continue;
		has_nd |= dev->region->cfg->type == DAX_REGION_STATIC;
	}
	if (has_nd)
		daxd_devices_add(reg, NULL, NULL)->perms =
			(struct daxd_perms){0600, geteuid(), getegid()};
}

/**
 * daxd_setup_make_all() - make all regions of the config
 * @reg:	the registry, with the regions opened and the model empty
 * @why:	receives the reason of a failure
 *
 * Return: 0, or a negative errno: some regions may exist.
 */
int daxd_setup_make_all(struct daxd_registry *reg, struct daxd_why *why)
{
	int r = 0;
	guint i;

	for (i = 0; r == 0 && i < reg->regions->len; i++)
		r = daxd_setup_make_region(reg, g_ptr_array_index(reg->regions, i), why);
	if (r == 0)
		daxd_setup_add_ndctl(reg);
	return r;
}

/**
 * daxd_setup_keep_stores() - keep the files that were created for stores
 * @reg:	the registry
 */
void daxd_setup_keep_stores(struct daxd_registry *reg)
{
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (dev->store)
			daxd_store_keep(dev->store);
	}
	for (i = 0; i < reg->regions->len; i++) {
		const struct daxd_region *region = g_ptr_array_index(reg->regions, i);

		/* A CXL region may have no device at present. */
		if (region->cfg->type == DAX_REGION_CXL)
			daxd_store_keep(region->store);
	}
}

/**
 * daxd_setup_hand_over_stores() - let volatile stores outlive the daemon, if possible
 * @reg:	the registry
 */
void daxd_setup_hand_over_stores(struct daxd_registry *reg)
{
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		const struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (dev->store)
			daxd_store_hand_over(dev->store);
	}
	for (i = 0; i < reg->regions->len; i++) {
		const struct daxd_region *region = g_ptr_array_index(reg->regions, i);

		/* A CXL region may have no device at present. */
		if (region->cfg->type == DAX_REGION_CXL)
			daxd_store_hand_over(region->store);
	}
	daxd_systemd_forget_rest();
}

/**
 * daxd_setup_reserve_minors() - reserve the minors that the config names
 * @reg:	the registry, the model without devices
 * @cfg:	the configuration
 */
void daxd_setup_reserve_minors(struct daxd_registry *reg, const struct daxd_config *cfg)
{
	const struct daxd_region_cfg *region;
	const struct daxd_device_cfg *dev;

	for (region = cfg->regions; region; region = region->next)
		for (dev = region->devices; dev; dev = dev->next)
			if (dev->minor >= 0)
				dax_model_reserve_minor(&reg->model,
							(uint32_t)dev->minor);
}

/**
 * daxd_setup_give_minors() - give devices the minors that the config names
 * @reg:	the registry; the minors are reserved
 * @cfg:	the configuration
 */
void daxd_setup_give_minors(struct daxd_registry *reg, const struct daxd_config *cfg)
{
	const struct daxd_region_cfg *region;
	const struct daxd_device_cfg *dev;

	for (region = cfg->regions; region; region = region->next) {
		for (dev = region->devices; dev; dev = dev->next) {
			g_autofree char *name =
				g_strdup_printf("dax%u.%u", region->id, dev->id);
			struct dax_dev *d = dax_model_find(&reg->model, name);

			if (d && dev->minor >= 0 && d->minor != (uint32_t)dev->minor)
				dax_dev_set_minor(&reg->model, d, (uint32_t)dev->minor);
		}
	}
}
