/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carry out a changed config while the daemon runs.
 *
 * Devices that are the same stay as they are, new ones appear, those no longer in the
 * config disappear; modes, owners and fault rules follow. Any other change would have to
 * pull memory away from under programs, and is refused. The order is that of a start:
 * check everything, then create the stores, then change the model; up to this point a
 * failure undoes everything. Programs see the changes only afterwards.
 */
#include "cuse-daxd/reload.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "libcore/model.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/faults/rules.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/registry.h"
#include "cuse-daxd/registry/setup.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/store.h"

/* The work of one reload. */
struct reload {
	struct daxd_registry *reg;
	struct daxd_config *cfg;
	GPtrArray *new_regions; /* struct daxd_region: opened, not in the registry yet */
	GPtrArray *grown;       /* struct daxd_region: regions with new devices */
	GArray *sizes;          /* uint64_t: the sizes of these before */
	GArray *minors;         /* uint32_t: reserved */
	uint64_t last_life;     /* devices with a later one are new */
};

static struct daxd_region_cfg *find_region_cfg(const struct daxd_config *cfg, uint32_t id)
{
	struct daxd_region_cfg *region;

	for (region = cfg->regions; region; region = region->next)
		if (region->id == id)
			return region;
	return NULL;
}

static struct daxd_device_cfg *find_device_cfg(const struct daxd_region_cfg *region,
					       uint32_t id)
{
	struct daxd_device_cfg *dev;

	for (dev = region ? region->devices : NULL; dev; dev = dev->next)
		if (dev->id == id)
			return dev;
	return NULL;
}

static struct daxd_region *find_open_region(const struct daxd_registry *reg, uint32_t id)
{
	guint i;

	for (i = 0; i < reg->regions->len; i++) {
		struct daxd_region *region = g_ptr_array_index(reg->regions, i);

		if (region->cfg->id == id)
			return region;
	}
	return NULL;
}

static int check_device(const struct reload *rl, const struct daxd_region_cfg *region,
			const struct daxd_device_cfg *is,
			const struct daxd_device_cfg *was, struct daxd_why *why)
{
	const char *what = NULL;

	if (was && is->minor != was->minor)
		what = "minor";
	else if (was && !daxd_config_is_shared(region) && is->size != was->size)
		what = "size";
	if (!what)
		return 0;
	return daxd_fail(why, EBUSY,
			 "%s:%d: [device %u.%u] its %s can't change while it exists "
			 "(give the device another name, or restart the daemon)",
			 rl->cfg->file ? rl->cfg->file : "config", is->line, region->id,
			 is->id, what);
}

static int check_kept_region(const struct reload *rl, struct daxd_region_cfg *is,
			     const struct daxd_region_cfg *was, struct daxd_why *why)
{
	struct daxd_device_cfg *dev;
	int r = 0;

	if (strcmp(is->identity, was->identity))
		return daxd_fail(
			why, EBUSY,
			"%s:%d: [region %u] can't change while it exists, except "
			"its devices' modes and owners (restart the daemon)",
			rl->cfg->file ? rl->cfg->file : "config", is->line, is->id);
	for (dev = is->devices; r == 0 && dev; dev = dev->next)
		r = check_device(rl, is, dev, find_device_cfg(was, dev->id), why);
	return r;
}

/* Keep the settings that the backing file has decided. */
static void copy_settled(struct daxd_region_cfg *is, const struct daxd_region_cfg *was)
{
	struct daxd_device_cfg *dev;

	if (!daxd_config_is_shared(is))
		return;
	is->size = was->size;
	is->align = was->align;
	is->map = was->map;
	for (dev = is->devices; dev; dev = dev->next)
		dev->size = find_device_cfg(was, dev->id)->size;
}

static int reserve_minor(struct reload *rl, const struct daxd_region_cfg *region,
			 const struct daxd_device_cfg *dev, struct daxd_why *why)
{
	uint32_t minor = (uint32_t)dev->minor;

	if (dev->minor < 0)
		return 0;
	if (dax_model_reserve_minor(&rl->reg->model, minor) < 0)
		return daxd_fail(why, EBUSY,
				 "[device %u.%u] minor=%u is in use (choose another)",
				 region->id, dev->id, minor);
	g_array_append_val(rl->minors, minor);
	return 0;
}

/* The CXL bus is set up once. A region that stays is compared by its identity. */
static int check_cxl(const struct reload *rl, struct daxd_why *why)
{
	const struct daxd_config *const both[] = {rl->reg->cfg, rl->cfg};
	const struct daxd_region_cfg *region;
	int i;

	for (i = 0; i < 2; i++)
		for (region = both[i]->regions; region; region = region->next)
			if (region->type == DAX_REGION_CXL &&
			    !find_region_cfg(both[!i], region->id))
				return daxd_fail(why, EBUSY,
						 "[region %u] type=cxl can't come or go "
						 "while the daemon runs (restart it)",
						 region->id);
	return 0;
}

/* Check everything, open the stores of new regions. */
static int prepare_reload(struct reload *rl, struct daxd_why *why)
{
	struct daxd_region_cfg *is;
	struct daxd_device_cfg *dev;
	int r;

	r = check_cxl(rl, why);
	if (r == 0)
		r = daxd_rules_check_reload(rl->reg->faults, rl->cfg->faults, why);
	for (is = rl->cfg->regions; r == 0 && is; is = is->next) {
		const struct daxd_region_cfg *was = find_region_cfg(rl->reg->cfg, is->id);
		struct daxd_region *region;

		for (dev = is->devices; r == 0 && dev; dev = dev->next)
			if (!find_device_cfg(was, dev->id))
				r = reserve_minor(rl, is, dev, why);
		if (r < 0)
			return r;
		if (was) {
			r = check_kept_region(rl, is, was, why);
			if (r == 0)
				copy_settled(is, was);
			continue;
		}
		r = daxd_setup_open_region(rl->cfg, is, &region, why);
		g_ptr_array_add(rl->new_regions, region);
	}
	return r;
}

static int make_devices(struct reload *rl, const struct daxd_region_cfg *is,
			struct daxd_why *why)
{
	struct daxd_region *region = find_open_region(rl->reg, is->id);
	const struct daxd_device_cfg *dev;
	int r = 0;

	for (dev = is->devices; r == 0 && dev; dev = dev->next) {
		if (find_device_cfg(region->cfg, dev->id))
			continue;
		g_ptr_array_add(rl->grown, region);
		g_array_append_val(rl->sizes, region->region->size);
		r = daxd_setup_make_device(rl->reg, region, dev, why);
	}
	return r;
}

static int make_new(struct reload *rl, struct daxd_why *why)
{
	const struct daxd_region_cfg *is;
	int r = 0;
	guint i;

	for (is = rl->cfg->regions; r == 0 && is; is = is->next)
		if (find_region_cfg(rl->reg->cfg, is->id))
			r = make_devices(rl, is, why);
	for (i = 0; r == 0 && i < rl->new_regions->len; i++)
		r = daxd_setup_make_region(rl->reg, g_ptr_array_index(rl->new_regions, i),
					   why);
	return r;
}

static void take_back_devices(struct reload *rl)
{
	struct daxd_registry *reg = rl->reg;
	struct dax_region *region;
	guint i;

	for (i = reg->devices->len; i--;) {
		const struct daxd_device *d = g_ptr_array_index(reg->devices, i);

		if (d->life > rl->last_life)
			g_ptr_array_remove_index(reg->devices, i);
	}
	dax_for_each_region (region, &reg->model) {
		struct dax_dev *dev = region->devices;

		while (dev) {
			struct dax_dev *next = dev->next;
			uint32_t minor = dev->minor;

			if (dev->life > rl->last_life) {
				dax_region_remove_device(region, dev);
				dax_model_release_minor(&reg->model, minor);
			}
			dev = next;
		}
	}
}

static void take_back(struct reload *rl)
{
	guint i;

	take_back_devices(rl);
	for (i = rl->grown->len; i--;) {
		const struct daxd_region *region = g_ptr_array_index(rl->grown, i);

		region->region->size = g_array_index(rl->sizes, uint64_t, i);
	}
	for (i = 0; i < rl->new_regions->len; i++) {
		struct daxd_region *region = g_ptr_array_index(rl->new_regions, i);

		if (region->region)
			dax_model_remove_region(&rl->reg->model, region->region);
		daxd_store_free(region->store);
		g_free(region);
	}
	for (i = 0; i < rl->minors->len; i++)
		dax_model_release_minor(&rl->reg->model,
					g_array_index(rl->minors, uint32_t, i));
}

static void remove_devices(struct daxd_region *region, const struct daxd_region_cfg *is)
{
	struct dax_dev *dev = region->region->devices;

	/* Programs create and destroy the devices of a dynamic region. */
	if (is->type != DAX_REGION_STATIC)
		return;
	while (dev) {
		struct dax_dev *next = dev->next;

		if (!find_device_cfg(is, dev->id))
			dax_region_remove_device(region->region, dev);
		dev = next;
	}
}

/* Return: the regions that are no longer in the config, removed from the model. */
static GPtrArray *remove_regions(struct reload *rl)
{
	GPtrArray *removed = g_ptr_array_new();
	struct daxd_registry *reg = rl->reg;
	guint i = 0;

	while (i < reg->regions->len) {
		struct daxd_region *region = g_ptr_array_index(reg->regions, i);
		struct daxd_region_cfg *is = find_region_cfg(rl->cfg, region->cfg->id);

		if (is) {
			remove_devices(region, is);
			region->cfg = is;
			i++;
			continue;
		}
		g_free((char *)(uintptr_t)region->region->badblocks);
		dax_model_remove_region(&reg->model, region->region);
		region->region = NULL;
		g_ptr_array_add(removed, g_ptr_array_steal_index(reg->regions, i));
	}
	return removed;
}

static void change_perms(struct daxd_registry *reg, struct daxd_device *dev,
			 const struct daxd_perms *perms)
{
	const struct daxd_node node = {
		.name = dev->desc.name,
		.major = dev->desc.major,
		.minor = dev->desc.minor,
		.perms = *perms,
	};
	struct daxd_why why;

	if (dev->perms.mode == perms->mode && dev->perms.uid == perms->uid &&
	    dev->perms.gid == perms->gid)
		return;
	dev->perms = *perms;
	if (dev->is_shown && reg->fe->ops->change(reg->fe, &node, &why) < 0)
		daxd_warning("%s, continuing without", why.text);
}

static void change_all_perms(struct daxd_registry *reg)
{
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->devices, i);
		const struct daxd_device_cfg *cfg;

		if (!dev->dev || !dev->region)
			continue;
		cfg = find_device_cfg(dev->region->cfg, dev->dev->id);
		change_perms(reg, dev, cfg ? &cfg->perms : &dev->region->cfg->perms);
	}
}

static bool is_configured(const GPtrArray *removed, const struct daxd_device *dev)
{
	return !g_ptr_array_find((GPtrArray *)(uintptr_t)removed, dev->region, NULL) &&
	       find_device_cfg(dev->region->cfg, dev->desc.id);
}

/*
 * Free the memory of devices that are no longer in the config: no other device gets it.
 * Programs that have it mapped keep it.
 */
static void free_removed(struct daxd_registry *reg, GPtrArray *removed)
{
	guint i = 0;

	while (i < reg->parked->len) {
		struct daxd_device *dev = g_ptr_array_index(reg->parked, i);

		if (is_configured(removed, dev)) {
			i++;
			continue;
		}
		if (dev->owns_store)
			daxd_store_forget(dev->store);
		g_ptr_array_remove_index_fast(reg->parked, i);
	}
	for (i = 0; i < reg->gone->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->gone, i);

		if (dev->region && is_configured(removed, dev))
			continue;
		dev->region = NULL;
		dev->store = NULL;
	}
	for (i = 0; i < removed->len; i++) {
		struct daxd_region *region = g_ptr_array_index(removed, i);
		int r = region->store ? daxd_store_sync(region->store) : 0;

		if (r < 0)
			daxd_error("%s: fsync: %s; the data stored last may be lost",
				   region->store->path, strerror(-r));
		if (region->store)
			daxd_store_forget(region->store);
		daxd_store_free(region->store);
		g_free(region);
	}
}

static gint compare_regions(gconstpointer a, gconstpointer b)
{
	const struct daxd_region *ra = *(struct daxd_region *const *)a;
	const struct daxd_region *rb = *(struct daxd_region *const *)b;

	return ra->cfg->id < rb->cfg->id ? -1 : ra->cfg->id > rb->cfg->id;
}

static void commit_reload(struct reload *rl)
{
	struct daxd_registry *reg = rl->reg;
	g_autoptr(GPtrArray) removed = NULL;
	struct daxd_why why;
	guint i;

	daxd_setup_give_minors(reg, rl->cfg);
	removed = remove_regions(rl);
	for (i = 0; i < rl->new_regions->len; i++)
		g_ptr_array_add(reg->regions, g_ptr_array_index(rl->new_regions, i));
	g_ptr_array_sort(reg->regions, compare_regions);
	daxd_setup_add_ndctl(reg);
	daxd_setup_keep_stores(reg);
	daxd_setup_hand_over_stores(reg);
	if (daxd_registry_commit(reg, &why) < 0)
		daxd_warning("%s, continuing without", why.text);
	change_all_perms(reg); /* of the remaining devices */
	daxd_rules_reload(reg->faults, rl->cfg->faults);
	free_removed(reg, removed);
	daxd_registry_release_minors(reg);
	reg->cfg = rl->cfg;
}

/**
 * daxd_reload() - carry out a changed config
 * @reg:	started
 * @cfg:	checked; on success it replaces reg->cfg, which the caller frees
 * @why:	receives the reason of a failure
 *
 * Return: 0, or a negative errno: nothing has changed, and the caller still owns @cfg.
 */
int daxd_reload(struct daxd_registry *reg, struct daxd_config *cfg, struct daxd_why *why)
{
	struct reload rl = {
		.reg = reg,
		.cfg = cfg,
		.new_regions = g_ptr_array_new(),
		.grown = g_ptr_array_new(),
		.sizes = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
		.minors = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
		.last_life = reg->model.last_life,
	};
	int r;

	r = prepare_reload(&rl, why);
	if (r == 0)
		r = make_new(&rl, why);
	if (r == 0)
		commit_reload(&rl);
	else
		take_back(&rl);
	g_ptr_array_unref(rl.new_regions);
	g_ptr_array_unref(rl.grown);
	g_array_unref(rl.sizes);
	g_array_unref(rl.minors);
	return r;
}
