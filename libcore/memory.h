/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory blocks of devices in the mode system-ram, bound to kmem.
 *
 * They are shown in sysfs, where programs turn them on and off. None becomes memory of the
 * machine (drivers/dax/kmem.c, drivers/base/memory.c).
 */
#ifndef DAX_MEMORY_H
#define DAX_MEMORY_H

#include "libcore/model.h"
#include "libcore/size.h"

/* As on machines of less than 64 GiB (arch/x86/mm/init_64.c: memory_block_size_bytes()). */
#define DAX_MEMORY_BLOCK      (128 * DAX_MIB)
#define DAX_MEMORY_BLOCKS_MAX 512 /* of one device; the kernel has no such limit */

enum dax_memory_state {
	DAX_MEMORY_OFFLINE,
	DAX_MEMORY_ONLINE,         /* in the zone that the kernel chooses: Normal */
	DAX_MEMORY_ONLINE_KERNEL,  /* in the zone Normal */
	DAX_MEMORY_ONLINE_MOVABLE, /* in the zone Movable */
	DAX_MEMORY_UNPLUGGED,      /* of a device only: it has no blocks */
	DAX_MEMORY_NR,
};

struct dax_memory_block {
	uint64_t number; /* address / DAX_MEMORY_BLOCK */
	enum dax_memory_state state;
};

/* The blocks of one device. */
struct dax_memory {
	enum dax_memory_state state; /* kmem's attribute of that name */
	uint32_t nr_blocks;
	struct dax_memory_block blocks[DAX_MEMORY_BLOCKS_MAX];
};

int dax_memory_plug(struct dax_dev *dev);
void dax_memory_free(struct dax_dev *dev);
uint32_t dax_memory_nr_online(const struct dax_dev *dev);
bool dax_memory_exists(const struct dax_model *model);
const char *dax_memory_state_name(enum dax_memory_state state);
int dax_memory_block_set(struct dax_memory_block *block, const char *word);
int dax_memory_block_switch(struct dax_memory_block *block, bool is_online);
int dax_memory_set_state(struct dax_dev *dev, const char *word);

#endif
