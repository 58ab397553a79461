/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory blocks of devices in the mode system-ram. */
#include "libcore/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/model.h"
#include "libcore/size.h"

static const char *const names[DAX_MEMORY_NR] = {
	[DAX_MEMORY_OFFLINE] = "offline",
	[DAX_MEMORY_ONLINE] = "online",
	[DAX_MEMORY_ONLINE_KERNEL] = "online_kernel",
	[DAX_MEMORY_ONLINE_MOVABLE] = "online_movable",
	[DAX_MEMORY_UNPLUGGED] = "unplugged",
};

/**
 * dax_memory_state_name() - the word for a state
 * @state:	the state
 *
 * Return: "online_movable" or the like, a constant.
 */
const char *dax_memory_state_name(enum dax_memory_state state)
{
	return names[state];
}

static int find_state(const char *word, enum dax_memory_state *ret)
{
	int i;

	for (i = 0; i < DAX_MEMORY_NR; i++) {
		if (!strcmp(names[i], word)) {
			*ret = (enum dax_memory_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

/*
 * Add the blocks that lie in a device's ranges with all their bytes. Return: 0; -EINVAL:
 * there is none; -ENOMEM: there are too many.
 */
static int add_blocks(const struct dax_dev *dev, struct dax_memory *memory,
		      enum dax_memory_state state)
{
	uint32_t i;

	memory->nr_blocks = 0;
	memory->state = state;
	for (i = 0; i < dev->nr_ranges; i++) {
		const struct dax_range *range = &dev->ranges[i];
		uint64_t n = (range->start + DAX_MEMORY_BLOCK - 1) / DAX_MEMORY_BLOCK;

		for (; (n + 1) * DAX_MEMORY_BLOCK <= range->start + range->len; n++) {
			if (memory->nr_blocks == DAX_MEMORY_BLOCKS_MAX)
				return -ENOMEM;
			memory->blocks[memory->nr_blocks++] = (struct dax_memory_block){
				.number = n,
				.state = state,
			};
		}
	}
	return memory->nr_blocks ? 0 : -EINVAL;
}

/**
 * dax_memory_plug() - give a device memory blocks, all offline
 * @dev:	a device without; dax_memory_free() takes them away
 *
 * Bytes at the ends of a range that do not fill a block are lost (drivers/dax/kmem.c:
 * dev_dax_kmem_probe(), dax_kmem_range()).
 *
 * Return: 0; -EINVAL: no block fits, or the device has no target node; -ENOMEM: no
 * memory, or more than DAX_MEMORY_BLOCKS_MAX.
 */
int dax_memory_plug(struct dax_dev *dev)
{
	struct dax_memory *memory;
	int r;

	if (dev->region->target_node < 0)
		return -EINVAL;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	r = add_blocks(dev, memory, DAX_MEMORY_OFFLINE);
	if (r < 0) {
		free(memory);
		return r;
	}
	dev->memory = memory;
	return 0;
}

/**
 * dax_memory_free() - take a device's memory blocks away
 * @dev:	the device; it may have none
 */
void dax_memory_free(struct dax_dev *dev)
{
	free(dev->memory);
	dev->memory = NULL;
}

/**
 * dax_memory_nr_online() - count a device's memory blocks that are online
 * @dev:	the device
 *
 * Return: the number; 0 for a device without blocks.
 */
uint32_t dax_memory_nr_online(const struct dax_dev *dev)
{
	uint32_t nr = 0;
	uint32_t i;

	for (i = 0; dev->memory && i < dev->memory->nr_blocks; i++)
		nr += dev->memory->blocks[i].state != DAX_MEMORY_OFFLINE;
	return nr;
}

/**
 * dax_memory_exists() - tell whether any device has memory blocks
 * @model:	the model
 *
 * Return: true if one has, even if they are unplugged.
 */
bool dax_memory_exists(const struct dax_model *model)
{
	const struct dax_region *region;
	const struct dax_dev *dev;

	dax_for_each_region (region, model)
		dax_for_each_device (dev, region)
			if (dev->memory)
				return true;
	return false;
}

/**
 * dax_memory_block_set() - memoryN/state <- word
 * @block:	the block
 * @word:	"online_movable"
 *
 * Return: 0, or -EINVAL: not a state of a block, or it is online or offline already
 * (drivers/base/memory.c: state_store()).
 */
int dax_memory_block_set(struct dax_memory_block *block, const char *word)
{
	enum dax_memory_state state;

	if (find_state(word, &state) < 0 || state == DAX_MEMORY_UNPLUGGED)
		return -EINVAL;
	if ((state == DAX_MEMORY_OFFLINE) == (block->state == DAX_MEMORY_OFFLINE))
		return -EINVAL;
	block->state = state;
	return 0;
}

/**
 * dax_memory_block_switch() - memoryN/online <- 0 or 1
 * @block:	the block
 * @is_online:	whether it is to be online, in the zone that the kernel chooses
 *
 * Return: 0, also if it is already (drivers/base/core.c: online_store()).
 */
int dax_memory_block_switch(struct dax_memory_block *block, bool is_online)
{
	if ((block->state != DAX_MEMORY_OFFLINE) != is_online)
		block->state = is_online ? DAX_MEMORY_ONLINE : DAX_MEMORY_OFFLINE;
	return 0;
}

/**
 * dax_memory_set_state() - daxN.M/state <- word
 * @dev:	a device that is bound to kmem
 * @word:	"unplugged"
 *
 * Takes the device's blocks away, or brings them back in a state (drivers/dax/kmem.c:
 * state_store()).
 *
 * Return: 0; -EINVAL: not a state, or "offline"; -EBUSY: it has its blocks, which only
 * memoryN/state changes.
 */
int dax_memory_set_state(struct dax_dev *dev, const char *word)
{
	struct dax_memory *memory = dev->memory;
	enum dax_memory_state state;

	if (find_state(word, &state) < 0 || state == DAX_MEMORY_OFFLINE)
		return -EINVAL;
	if (state == DAX_MEMORY_UNPLUGGED) {
		memory->nr_blocks = 0;
		memory->state = state;
		return 0;
	}
	if (memory->state != DAX_MEMORY_UNPLUGGED)
		return -EBUSY;
	return add_blocks(dev, memory, state);
}
