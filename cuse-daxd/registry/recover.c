/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recover the devices of a daemon that died.
 *
 * The state pages list its devices; the file `stores` has the backing file of each. If
 * the new daemon has the same device on the same file, the device continues with its
 * slot, life and handle. Memory without a path (memfd, hugetlb) lives on in systemd's
 * store or in the processes that use it, from which reclaim.c takes it. If nobody has it
 * any more, its device is gone, and a new device of the same name is another one.
 */
#include "cuse-daxd/registry/recover.h"

#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/state.h"

#include "cuse-daxd/base/util.h"
#include "cuse-daxd/frontend/frontend.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/note.h"
#include "cuse-daxd/runtime/runtime.h"
#include "cuse-daxd/store/file.h"

/**
 * daxd_recover_last_life() - find the highest life in the state pages
 * @state:	state pages of an earlier daemon, or new ones
 *
 * Return: the highest life of any device so far, or 0.
 */
uint64_t daxd_recover_last_life(const struct dax_state *state)
{
	/* Reading the other slots would allocate their pages. */
	uint32_t nr_slots = MIN(state->nr_slots, DAX_STATE_SLOTS);
	uint64_t last = 0;
	struct dax_device desc;
	uint32_t slot;

	for (slot = 0; slot < nr_slots; slot++) {
		dax_state_read(state, slot, &desc);
		last = MAX(last, desc.life);
	}
	return last;
}

static struct daxd_device *find_control_node(const struct daxd_registry *reg,
					     const char *name)
{
	struct dax_device desc;
	guint i;

	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (dev->dev)
			continue;
		daxd_device_describe(dev, &desc);
		if (!strcmp(desc.name, name))
			return dev;
	}
	return NULL;
}

/* Find the device that continues an earlier daemon's. Return: it, or NULL. */
static struct daxd_device *find_same(const struct daxd_registry *reg, const char *note,
				     const struct dax_device *old)
{
	struct daxd_device *dev;

	if (old->flags & DAX_DEVICE_NDCTL)
		return find_control_node(reg, old->name);
	dev = daxd_devices_find_name(reg, old->name);
	if (!dev || !(dev->store->path || dev->store->is_taken_back) ||
	    !daxd_note_has(note, old->life, dev->store))
		return NULL;
	return dev;
}

static void adopt_slot(const struct daxd_registry *reg, struct daxd_device *dev,
		       uint32_t slot, const struct dax_device *old)
{
	dev->slot = slot;
	dev->has_slot = true;
	dev->handle = reg->rt->state->handles[slot];
	dev->life = old->life;
	dev->is_opened = old->flags & DAX_DEVICE_OPENED;
	if (dev->dev) {
		dev->dev->life = old->life;
		/* Size, ranges and so on may differ: all mappings must check. */
		dev->dev->generation = old->generation + 1;
		dev->is_same =
			dev->dev->minor == old->minor && reg->model.major == old->major;
		dev->bad_generation = old->bad_generation + 1;
	}
}

static void bury_slot(const struct daxd_registry *reg, uint32_t slot,
		      const struct dax_device *old)
{
	const struct dax_state_handle handle = reg->rt->state->handles[slot];
	struct dax_device desc = *old;
	int fd;

	desc.flags = DAX_DEVICE_GONE;
	desc.generation++;
	/* A new device of the same name replaces the node. */
	if (!daxd_devices_find_name(reg, old->name)) {
		fd = reg->fe->ops->disappear(reg->fe, old->name);
		daxd_close_fd(&fd);
	}
	dax_state_publish(reg->rt->state, slot, &handle, &desc);
}

/*
 * Remove nodes without a slot, left by a daemon that died in between: it creates a node
 * before it publishes the device, and publishes a deletion before it removes the node.
 */
static void sweep_nodes(const struct daxd_registry *reg)
{
	int fd = openat(reg->rt->dir, DAXD_HANDLES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint32_t region;
	uint32_t id;

	if (!d) {
		daxd_close_fd(&fd);
		return;
	}
	while ((entry = readdir(d))) {
		if (dax_name_parse(entry->d_name, &region, &id) < 0 ||
		    daxd_devices_find_name(reg, entry->d_name))
			continue;
		fd = reg->fe->ops->disappear(reg->fe, entry->d_name);
		daxd_close_fd(&fd);
	}
	closedir(d);
}

/**
 * daxd_recover_devices() - continue an earlier daemon's devices that are still the same
 * @reg:	all devices added, none shown yet
 */
void daxd_recover_devices(struct daxd_registry *reg)
{
	uint32_t nr_slots = MIN(reg->rt->state->nr_slots, DAX_STATE_SLOTS);
	g_autofree char *note = daxd_note_read(reg);
	struct dax_device old;
	uint32_t slot;

	for (slot = 0; slot < nr_slots; slot++) {
		struct daxd_device *dev;

		dax_state_read(reg->rt->state, slot, &old);
		if (!old.life || old.flags & DAX_DEVICE_GONE)
			continue;
		dev = find_same(reg, note, &old);
		if (dev && !dev->has_slot)
			adopt_slot(reg, dev, slot, &old);
		else
			bury_slot(reg, slot, &old);
	}
	sweep_nodes(reg);
}
