/* SPDX-License-Identifier: BSD-2-Clause */
/* The regions and devices while the daemon runs. */
#include "cuse-daxd/registry/registry.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/memory.h"
#include "libcore/model.h"
#include "libcore/size.h"
#include "libcore/state.h"
#include "libcore/sysfs.h"

#include "cuse-daxd/base/crash_point.h"
#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/base/util.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/note.h"
#include "cuse-daxd/registry/record.h"
#include "cuse-daxd/registry/uevents.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/runtime/tree.h"
#include "cuse-daxd/store/file.h"

static struct daxd_region *region_of(const struct daxd_registry *reg,
				     const struct dax_region *region)
{
	guint i;

	for (i = 0; i < reg->regions->len; i++) {
		struct daxd_region *r = g_ptr_array_index(reg->regions, i);

		if (r->region == region ||
		    (dax_region_is_cxl(region) && r->cfg->type == DAX_REGION_CXL))
			return r;
	}
	return NULL;
}

/* Keep the store and permissions of a static region's device, which may come back. */
static void park(struct daxd_registry *reg, struct daxd_device *dev)
{
	struct daxd_device *parked;

	if (!dev->region || dev->region->cfg->type != DAX_REGION_STATIC)
		return;
	parked = g_new0(struct daxd_device, 1);
	parked->held_fd = -1;
	parked->labels_fd = -1;
	parked->region = dev->region;
	parked->desc.id = dev->desc.id;
	parked->store = dev->store;
	parked->owns_store = dev->owns_store;
	parked->base = dev->base;
	parked->perms = dev->perms;
	dev->store = NULL;
	dev->owns_store = false;
	g_ptr_array_add(reg->parked, parked);
}

static void unpark(struct daxd_registry *reg, struct daxd_device *dev)
{
	guint i;

	for (i = 0; i < reg->parked->len; i++) {
		struct daxd_device *parked = g_ptr_array_index(reg->parked, i);

		if (parked->region != dev->region || parked->desc.id != dev->dev->id)
			continue;
		dev->store = parked->store;
		dev->owns_store = parked->owns_store;
		dev->base = parked->base;
		dev->perms = parked->perms;
		parked->owns_store = false;
		g_ptr_array_remove_index_fast(reg->parked, i);
		return;
	}
}

/* Add the devices that programs have created in the model, or brought back. */
static bool add_created(struct daxd_registry *reg)
{
	g_autoptr(GHashTable) known = g_hash_table_new(g_direct_hash, g_direct_equal);
	const struct dax_region *region;
	struct dax_dev *dev;
	bool is_any = false;
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *d = g_ptr_array_index(reg->devices, i);

		g_hash_table_add(known, GSIZE_TO_POINTER(d->life));
	}
	dax_for_each_region (region, &reg->model) {
		dax_for_each_device (dev, region) {
			if (g_hash_table_contains(known, GSIZE_TO_POINTER(dev->life)))
				continue;
			unpark(reg, daxd_devices_add(reg, region_of(reg, region), dev));
			is_any = true;
		}
	}
	return is_any;
}

/* Describe a device as clients see it. */
static void describe_device(const struct daxd_device *dev, struct dax_device *ret)
{
	daxd_device_describe(dev, ret);
	if (dev->is_opened)
		ret->flags |= DAX_DEVICE_OPENED;
	if (dev->is_bad)
		ret->flags |= DAX_DEVICE_BAD;
	if (dev->store && dev->store->part == 2 * DAX_MIB)
		ret->flags |= DAX_DEVICE_PAGES_2M;
	if (dev->store && dev->store->part == DAX_GIB)
		ret->flags |= DAX_DEVICE_PAGES_1G;
	ret->bad_generation = dev->bad_generation;
}

static void publish_device(const struct daxd_registry *reg, struct daxd_device *dev,
			   const struct dax_device *desc)
{
	bool is_new = dev->desc.generation != desc->generation ||
		      dev->desc.bad_generation != desc->bad_generation;
	bool is_first = !dev->desc.life;

	dev->desc = *desc;
	dax_state_publish(reg->rt->state, dev->slot, &dev->handle, desc);
	if (!is_new)
		return;
	dev->changed_at = reg->rt->state->changes;
	if (reg->on_event && dev->region)
		reg->on_event(reg->event_ctx,
			      desc->flags & DAX_DEVICE_GONE ? DAXD_VANISH
			      : is_first                    ? DAXD_APPEAR
							    : DAXD_CHANGE,
			      dev);
}

/* Processes with mappings sleep on this word (the shim's agent.c). */
static void wake_clients(const struct daxd_registry *reg)
{
	syscall(SYS_futex, &reg->rt->state->changes, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Forget the deleted device that had this slot: its descriptors then get ENXIO. */
static void forget_slot(struct daxd_registry *reg, uint32_t slot)
{
	guint i;

	for (i = 0; i < reg->gone->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->gone, i);

		if (dev->slot != slot)
			continue;
		if (dev->has_minor)
			dax_model_release_minor(&reg->model, dev->desc.minor);
		g_ptr_array_remove_index_fast(reg->gone, i);
		return;
	}
}

/* Give a device a slot and a node. */
static int show_device(struct daxd_registry *reg, struct daxd_device *dev,
		       const struct dax_device *desc, struct daxd_why *why)
{
	const struct daxd_node node = {
		.name = desc->name,
		.major = desc->major,
		.minor = desc->minor,
		.perms = dev->perms,
	};
	int r;

	if (!dev->has_slot) {
		r = daxd_runtime_take_slot(reg->rt, &dev->slot);
		if (r < 0)
			return daxd_fail(why, -r,
					 "%s: no room for %s in the state "
					 "pages: %s (delete devices)",
					 reg->rt->path, desc->name, strerror(-r));
		forget_slot(reg, dev->slot);
		dev->has_slot = true;
	}
	r = reg->fe->ops->appear(reg->fe, &node, &dev->handle, why);
	if (r < 0) {
		/* Not published, so another device may take the slot. */
		dev->has_slot = false;
		return r;
	}
	publish_device(reg, dev, desc);
	dev->is_shown = true;
	dev->is_refused = false;
	if (reg->fe->ops->published)
		reg->fe->ops->published(reg->fe, desc->name);
	return 0;
}

/* Another device has its name or number: continue with the other devices. */
static void log_refused(struct daxd_device *dev, const struct daxd_why *why)
{
	if (!dev->is_refused)
		daxd_error("%s, continuing without this device", why->text);
	dev->is_refused = true;
}

static int show_all(struct daxd_registry *reg, struct daxd_why *why)
{
	int first = 0;
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->devices, i);
		struct daxd_why reason;
		struct dax_device desc;
		int r;

		describe_device(dev, &desc);
		if (dev->is_shown) {
			if (memcmp(&desc, &dev->desc, sizeof(desc)))
				publish_device(reg, dev, &desc);
			continue;
		}
		r = show_device(reg, dev, &desc, &reason);
		if (r == -EEXIST) {
			log_refused(dev, &reason);
			dev->desc.minor = desc.minor;
		} else if (r < 0 && !first) {
			first = r;
			*why = reason;
		}
	}
	return first;
}

/* Retire a deleted device. It keeps its slot for programs that have it open. */
static void retire(struct daxd_registry *reg, struct daxd_device *dev)
{
	struct dax_device desc = dev->desc;

	dev->dev = NULL;
	if (!dev->is_shown) {
		dax_model_release_minor(&reg->model, desc.minor);
		daxd_device_free(dev);
		return;
	}
	dev->has_minor = true;
	desc.flags = DAX_DEVICE_GONE;
	desc.generation++;
	/* In this order: see dax_state_find(). */
	dev->held_fd = reg->fe->ops->disappear(reg->fe, desc.name);
	publish_device(reg, dev, &desc);
	park(reg, dev);
	g_ptr_array_add(reg->gone, dev);
}

static bool retire_deleted(struct daxd_registry *reg)
{
	g_autoptr(GHashTable) alive = g_hash_table_new(g_direct_hash, g_direct_equal);
	const struct dax_region *region;
	struct dax_dev *dev;
	bool is_any = false;
	guint i = 0;

	dax_for_each_region (region, &reg->model)
		dax_for_each_device (dev, region)
			g_hash_table_add(alive, GSIZE_TO_POINTER(dev->life));
	while (i < reg->devices->len) {
		struct daxd_device *d = g_ptr_array_index(reg->devices, i);

		if (!d->dev || g_hash_table_contains(alive, GSIZE_TO_POINTER(d->life))) {
			i++;
			continue;
		}
		retire(reg, g_ptr_array_steal_index(reg->devices, i));
		is_any = true;
	}
	return is_any;
}

/**
 * daxd_registry_release_minors() - release the minors of deleted devices
 * @reg:	the registry
 *
 * A deleted device's minor is free as soon as no process has the device open or mapped.
 */
void daxd_registry_release_minors(struct daxd_registry *reg)
{
	guint i;

	for (i = 0; i < reg->gone->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->gone, i);

		if (!dev->has_minor || dev->clients ||
		    (dev->held_fd >= 0 && reg->fe->ops->is_held(reg->fe, dev->held_fd)))
			continue;
		daxd_close_fd(&dev->held_fd);
		dax_model_release_minor(&reg->model, dev->desc.minor);
		dev->has_minor = false;
	}
}

/**
 * daxd_registry_sync() - show the current model to clients
 * @reg:	the registry
 * @why:	receives the reason of the first failure
 *
 * Updates the state pages, the nodes, the sysfs tree and the note for the next start. The
 * next call tries again whatever has failed.
 *
 * Return: 0, or the negative errno of the first failure.
 */
int daxd_registry_sync(struct daxd_registry *reg, struct daxd_why *why)
{
	const uint32_t changes = reg->rt->state->changes;
	uint32_t *const flags = &reg->rt->state->flags;
	bool has_other = retire_deleted(reg);
	bool has_memory;
	int first;
	int r;

	has_other |= add_created(reg);
	if (reg->before_show)
		reg->before_show(reg->faults);
	first = show_all(reg, why);
	if (reg->rt->state->changes != changes)
		wake_clients(reg);
	has_memory = dax_memory_exists(&reg->model);
	if (has_memory)
		__atomic_fetch_or(flags, DAX_STATE_MEMORY, __ATOMIC_RELEASE);
	/* There is no tree yet while the daemon starts. */
	r = reg->tree.rt ? daxd_tree_update(&reg->tree, &reg->model) : 0;
	/* Not before the tree shows no block any more. */
	if (!has_memory)
		__atomic_fetch_and(flags, ~(uint32_t)DAX_STATE_MEMORY, __ATOMIC_RELEASE);
	if (r < 0 && !first)
		first = daxd_fail(why, -r,
				  "%s/sys: can't be written: %s (check the room "
				  "there)",
				  reg->rt->path, strerror(-r));
	daxd_uevents_publish(reg);
	r = has_other ? daxd_note_write(reg) : 0;
	if (r < 0 && !first)
		first = daxd_fail(why, -r,
				  "%s/stores: can't be written: %s (check the "
				  "room there)",
				  reg->rt->path, strerror(-r));
	return first;
}

/**
 * daxd_registry_commit() - save and show a change of the model that a client requested
 * @reg:	the registry
 * @why:	receives the reason of a failure
 *
 * Saves what outlives the daemon before clients see the change.
 *
 * Return: 0, or a negative errno: it could not be written, and all is as before.
 */
int daxd_registry_commit(struct daxd_registry *reg, struct daxd_why *why)
{
	struct daxd_why other;
	int r = daxd_record_save(reg, why);

	daxd_crash_point("saved");
	if (daxd_registry_sync(reg, &other) < 0)
		daxd_warning("%s, continuing without", other.text);
	daxd_crash_point("synced");
	return r;
}

/**
 * daxd_registry_store() - carry out a program's write to an attribute
 * @reg:	the registry
 * @path:	of the attribute, below /sys
 * @buf:	the written text
 * @len:	bytes of it
 *
 * Return: the result of the program's write(2): 0 or a negative errno.
 */
int daxd_registry_store(struct daxd_registry *reg, const char *path, const char *buf,
			size_t len)
{
	const uint64_t last_life = reg->model.last_life;
	struct daxd_why why;
	int saved;
	int r;

	daxd_registry_release_minors(reg);
	r = dax_sysfs_store(&reg->model, path, buf, len);
	daxd_debug("%s <- '%.*s': %s", path, (int)MIN(len, 100), buf,
		   r < 0 ? strerror(-r) : "ok");
	/* A write that fails changes nothing, except nd_pmem's bind and CXL's dpa_size. */
	if (r < 0 && reg->model.last_life == last_life && !reg->model.cxl)
		return r;
	saved = daxd_registry_commit(reg, &why);
	if (r == 0)
		daxd_uevents_synthesize(reg, path, buf, len);
	if (saved < 0)
		daxd_warning("%s", why.text);
	daxd_registry_release_minors(reg);
	return r < 0 ? r : saved;
}

/**
 * daxd_registry_opened() - publish that a program has opened a device
 * @reg:	the registry
 * @dev:	the device, not deleted
 */
void daxd_registry_opened(struct daxd_registry *reg, struct daxd_device *dev)
{
	struct dax_device desc;

	if (dev->is_opened)
		return;
	dev->is_opened = true;
	describe_device(dev, &desc);
	publish_device(reg, dev, &desc);
}
