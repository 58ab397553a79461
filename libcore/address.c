/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical addresses of regions, namespaces and devices. */
#include "libcore/address.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "libcore/cxl.h"
#include "libcore/infoblock.h"
#include "libcore/model.h"
#include "libcore/size.h"

#define MEMORY_BLOCK (2 * DAX_MIB) /* the kernel hot-plugs memory in these */

/* Regions start far above the memory of any machine that runs the daemon. */
#define FIRST_ADDRESS   (64 * DAX_GIB)
#define REGION_ALIGN    DAX_GIB        /* a multiple of every align */
#define NAMESPACE_ALIGN (16 * DAX_MIB) /* align of an nd region */

/**
 * dax_address_unit() - the unit that sizes in a region must be multiples of
 * @type:	type of the region
 * @is_image:	true if the region is an image with an info block
 * @align:	align of its devices, in bytes
 *
 * dax_hmem's devices are cut in memory blocks (drivers/dax/bus.c: alloc_is_aligned()),
 * namespaces in subsections (drivers/nvdimm/namespace_devs.c: memremap_compat_align()).
 * CXL regions are made of 256 MiB of each memory device (core/hdm.c: SZ_256M).
 * A static region without an image has no namespace that could be cut.
 *
 * Return: the unit in bytes.
 */
uint64_t dax_address_unit(enum dax_region_type type, bool is_image, uint64_t align)
{
	if (type == DAX_REGION_CXL)
		return dax_max(align, DAX_CXL_UNIT);
	if (type == DAX_REGION_DYNAMIC || is_image)
		return dax_max(align, MEMORY_BLOCK);
	return align;
}

/**
 * dax_address_next_region() - choose the start of the next region
 * @model:	the regions so far
 *
 * Return: an aligned address behind all of them.
 */
uint64_t dax_address_next_region(const struct dax_model *model)
{
	const struct dax_region *region;
	uint64_t start = FIRST_ADDRESS;

	dax_for_each_region (region, model)
		start = dax_max(start,
				dax_round_up(region->start + region->size, REGION_ALIGN));
	if (model->cxl)
		start = dax_max(start,
				dax_round_up(dax_cxl_end(model->cxl), REGION_ALIGN));
	return start;
}

/**
 * dax_address_next_namespace() - choose the start of the next namespace of a region
 * @end:	end of the previous namespace, or the start of the region
 * @align:	align of the region's devices, in bytes
 *
 * Return: an aligned address at or behind @end.
 */
uint64_t dax_address_next_namespace(uint64_t end, uint64_t align)
{
	return dax_round_up(end, dax_max(align, NAMESPACE_ALIGN));
}

/**
 * dax_address_block() - build the info block that a real namespace would have
 * @size:	usable bytes of the device
 * @align:	align of the device, in bytes
 * @map:	where the kernel would keep its page structs
 * @ret_block:	receives the info block; its uuids are zero
 * @ret_ns_size: receives the size of the namespace, in bytes
 *
 * Return: 0, or the negative errno of dax_infoblock_layout().
 */
int dax_address_block(uint64_t size, uint64_t align, enum dax_region_map map,
		      struct dax_infoblock *ret_block, uint64_t *ret_ns_size)
{
	uint64_t whole = dax_round_up(size, dax_max(align, MEMORY_BLOCK));

	return dax_infoblock_layout(whole, align, map, ret_block, ret_ns_size);
}

/**
 * dax_address_device() - place a device in its namespace
 * @block:	the namespace's info block
 * @ns_start:	physical address of the namespace
 * @ns_size:	size of the namespace, in bytes
 * @size:	usable bytes of the device
 * @align:	align of the device, in bytes
 * @ret:	receives align, range, namespace and uuid
 */
void dax_address_device(const struct dax_infoblock *block, uint64_t ns_start,
			uint64_t ns_size, uint64_t size, uint64_t align,
			struct dax_dev *ret)
{
	*ret = (struct dax_dev){
		.align = align,
		.nr_ranges = 1,
		.ranges = {{ns_start + block->start_pad + block->dataoff, size}},
		.ns_start = ns_start,
		.ns_size = ns_size,
	};
	memcpy(ret->uuid, block->uuid, sizeof(ret->uuid));
}
