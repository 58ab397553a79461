/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory blocks in sysfs (drivers/base/memory.c, node.c).
 *
 * They are those of the devices in the mode system-ram. While there are any, the blocks of
 * the machine are hidden, so that no program takes one of the same address for a device's
 * and turns it off.
 */
#include "libcore/sysfs_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libcore/device.h"
#include "libcore/driver.h"
#include "libcore/kernel.h"
#include "libcore/kstr.h"
#include "libcore/memory.h"
#include "libcore/model.h"
#include "libcore/sysfs_walk.h"

#define MEMORY "devices/system/memory"
#define NODE   "devices/system/node"

/* The policy is fixed: new blocks are offline, so that daxctl can choose their zone. */
static int store_auto_online(const struct sysfs_at *at, char *text)
{
	(void)at;
	return strcmp(dax_kstr_chomp(text), "offline") ? -EINVAL : 0;
}

static const struct sysfs_attr memory[] = {
	{.name = "auto_online_blocks",
	 .mode = 0644,
	 .text = "offline\n",
	 .store = store_auto_online},
	{0},
};

static int show_block_size(const struct sysfs_obj *obj, char *buf)
{
	(void)obj;
	return sprintf(buf, "%" PRIx64 "\n", DAX_MEMORY_BLOCK);
}

static const struct sysfs_attr block_size = {
	.name = "block_size_bytes",
	.mode = 0444,
	.show = show_block_size,
};

static const struct dax_memory_block *block_of(const struct sysfs_obj *obj)
{
	return &obj->dev->memory->blocks[obj->n];
}

static int show_online(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%d\n", block_of(obj)->state != DAX_MEMORY_OFFLINE);
}

static int show_phys_index(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%08" PRIx64 "\n", block_of(obj)->number);
}

static int show_state(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%s\n",
		       block_of(obj)->state == DAX_MEMORY_OFFLINE ? "offline" : "online");
}

static int show_valid_zones(const struct sysfs_obj *obj, char *buf)
{
	switch ((int)block_of(obj)->state) {
	case DAX_MEMORY_OFFLINE:
		return sprintf(buf, "Normal Movable\n");
	case DAX_MEMORY_ONLINE_MOVABLE:
		return sprintf(buf, "Movable\n");
	default:
		return sprintf(buf, "Normal\n");
	}
}

static int store_online(const struct sysfs_at *at, char *text)
{
	bool is_online;
	int r = dax_kstr_bool(text, &is_online);

	return r < 0 ? r
		     : dax_memory_block_switch(&at->dev->memory->blocks[at->n],
					       is_online);
}

static int store_state(const struct sysfs_at *at, char *text)
{
	return dax_memory_block_set(&at->dev->memory->blocks[at->n],
				    dax_kstr_chomp(text));
}

static const struct sysfs_attr block[] = {
	{.name = "online", .mode = 0644, .show = show_online, .store = store_online},
	{.name = "phys_device", .mode = 0444, .text = "0\n"},
	{.name = "phys_index", .mode = 0444, .show = show_phys_index},
	{.name = "removable", .mode = 0444, .text = "1\n"},
	{.name = "state", .mode = 0644, .show = show_state, .store = store_state},
	SYSFS_UEVENT(""),
	{.name = "valid_zones", .mode = 0444, .show = show_valid_zones},
	{0},
};

static void walk_blocks(struct sysfs_walk *walk, const struct dax_region *region,
			const struct dax_dev *dev)
{
	struct sysfs_obj obj = {
		.model = dax_sysfs_model(walk),
		.region = region,
		.dev = dev,
	};
	char dir[DAX_SYSFS_PATH_MAX];
	char node[DAX_SYSFS_PATH_MAX];

	snprintf(node, sizeof(node), NODE "/node%d", region->target_node);
	for (obj.n = 0; obj.n < dev->memory->nr_blocks; obj.n++) {
		snprintf(dir, sizeof(dir), MEMORY "/memory%" PRIu64,
			 block_of(&obj)->number);
		dax_sysfs_dir(walk, &obj, block, "%s", dir);
		dax_sysfs_link(walk, node, "%s/node%d", dir, region->target_node);
		dax_sysfs_link(walk, "bus/memory", "%s/subsystem", dir);
		dax_sysfs_link(walk, dir, "%s/memory%" PRIu64, node,
			       block_of(&obj)->number);
	}
}

/* Visit the directories of the nodes that have memory blocks, each once. */
static void walk_nodes(struct sysfs_walk *walk)
{
	const struct dax_model *model = dax_sysfs_model(walk);
	const struct dax_region *before;
	const struct dax_region *region;

	dax_sysfs_dir(walk, NULL, NULL, NODE);
	dax_for_each_region (region, model) {
		for (before = model->regions; before != region; before = before->next)
			if (before->target_node == region->target_node)
				break;
		if (before == region && region->target_node >= 0)
			dax_sysfs_dir(walk, NULL, NULL, NODE "/node%d",
				      region->target_node);
	}
}

/**
 * dax_sysfs_walk_memory() - visit the memory blocks
 * @walk:	the walk
 */
void dax_sysfs_walk_memory(struct sysfs_walk *walk)
{
	const struct dax_region *region;
	const struct dax_dev *dev;

	dax_sysfs_dir(walk, NULL, NULL, "devices/system");
	dax_sysfs_dir(walk, NULL, memory, MEMORY);
	if (!dax_memory_exists(dax_sysfs_model(walk)))
		return;
	dax_sysfs_file(walk, NULL, &block_size, MEMORY);
	walk_nodes(walk);
	dax_for_each_region (region, dax_sysfs_model(walk))
		dax_for_each_device (dev, region)
			if (dev->memory)
				walk_blocks(walk, region, dev);
}

/**
 * dax_sysfs_has_kmem_state() - is_visible() of a device's `state`
 * @obj:	a device
 *
 * Return: true while it is bound to kmem, if the kernel has the attribute.
 */
bool dax_sysfs_has_kmem_state(const struct sysfs_obj *obj)
{
	return obj->dev->is_bound && obj->dev->driver == DAX_DRIVER_KMEM &&
	       dax_kernel_has(obj->model->kernel, DAX_RULE_KMEM_STATE);
}

/**
 * dax_sysfs_show_kmem_state() - show() of a device's `state`
 * @obj:	a device that is bound to kmem
 * @buf:	receives the text
 *
 * Return: its length.
 */
int dax_sysfs_show_kmem_state(const struct sysfs_obj *obj, char *buf)
{
	return sprintf(buf, "%s\n", dax_memory_state_name(obj->dev->memory->state));
}

/**
 * dax_sysfs_store_kmem_state() - store() of a device's `state`
 * @at:		a device that is bound to kmem
 * @text:	the text written
 *
 * Return: as dax_memory_set_state().
 */
int dax_sysfs_store_kmem_state(const struct sysfs_at *at, char *text)
{
	return dax_memory_set_state(at->dev, dax_kstr_chomp(text));
}
