/* SPDX-License-Identifier: BSD-2-Clause */
/* Create, change and delete CXL regions (drivers/cxl/core/region.c, Linux 7.3). */
#include "libcore/cxl_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/cxl_target.h"
#include "libcore/model_ranges.h"

/**
 * dax_cxl_region_find() - find a region
 * @model:	the model, with CXL
 * @id:		N of regionN
 *
 * Return: the region, or NULL.
 */
struct dax_cxl_region *dax_cxl_region_find(const struct dax_model *model, uint32_t id)
{
	struct dax_cxl_region *region;

	dax_cxl_for_each_region(region, model->cxl) if (region->id == id) return region;
	return NULL;
}

static bool is_taken(const struct dax_model *model, uint32_t id)
{
	const struct dax_cxl *cxl = model->cxl;
	uint32_t i;

	for (i = 0; i < cxl->nr_windows; i++)
		if (cxl->windows[i].next_id == id)
			return true;
	return dax_model_find_region(model, id) || dax_cxl_region_find(model, id);
}

/**
 * dax_cxl_region_free_id() - the lowest id that no region and no window has
 * @model:	the model, with CXL
 *
 * All kinds of regions share the ids (drivers/base/memregion.c).
 *
 * Return: the id.
 */
uint32_t dax_cxl_region_free_id(const struct dax_model *model)
{
	uint32_t id = 0;

	while (is_taken(model, id))
		id++;
	return id;
}

/**
 * dax_cxl_region_next_id() - the id that the next region of a window gets
 * @model:	the model, with CXL
 * @window:	number of the window
 *
 * A window keeps an id in hand, but the daemon's config may give it to another region.
 *
 * Return: the id.
 */
uint32_t dax_cxl_region_next_id(const struct dax_model *model, uint32_t window)
{
	const uint32_t id = model->cxl->windows[window].next_id;

	return dax_model_find_region(model, id) ? dax_cxl_region_free_id(model) : id;
}

/**
 * dax_cxl_region_create() - `create_ram_region` and `create_pmem_region`
 * @model:	the model, with CXL
 * @window:	number of the window
 * @id:		N of the region's name
 * @mode:	of the region
 * @ret_region:	receives the region if not NULL
 *
 * Return: 0; -EBUSY: it is not the next id; -ENOMEM.
 */
int dax_cxl_region_create(struct dax_model *model, uint32_t window, uint32_t id,
			  enum dax_cxl_mode mode, struct dax_cxl_region **ret_region)
{
	struct dax_cxl_region **link = &model->cxl->regions;
	struct dax_cxl_region *region;

	if (id != dax_cxl_region_next_id(model, window))
		return -EBUSY;
	region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->id = id;
	region->window = window;
	region->mode = mode;
	while (*link && (*link)->id < id)
		link = &(*link)->next;
	region->next = *link;
	*link = region;
	model->cxl->windows[window].next_id = dax_cxl_region_free_id(model);
	if (ret_region)
		*ret_region = region;
	return 0;
}

/**
 * dax_cxl_region_delete() - `delete_region`, in any state
 * @model:	the model
 * @region:	the region; freed
 *
 * The window takes its id in hand if that is lower (cxl_region_release()).
 */
void dax_cxl_region_delete(struct dax_model *model, struct dax_cxl_region *region)
{
	struct dax_cxl_window *window = &model->cxl->windows[region->window];
	struct dax_cxl_region **link = &model->cxl->regions;
	uint32_t i;

	for (i = 0; i < DAX_CXL_WAYS; i++)
		dax_cxl_region_detach(model, region, i);
	while (*link != region)
		link = &(*link)->next;
	*link = region->next;
	if (region->id < window->next_id)
		window->next_id = region->id;
	free(region);
}

/**
 * dax_cxl_region_set_ways() - `interleave_ways`
 * @cxl:	the windows
 * @region:	the region
 * @ways:	number of targets
 *
 * Return: 0; -EINVAL: not 1, 2, 4, 8 or 16, or less than the window's; -EBUSY: the region
 * has addresses.
 */
int dax_cxl_region_set_ways(const struct dax_cxl *cxl, struct dax_cxl_region *region,
			    uint32_t ways)
{
	if (!ways || ways > DAX_CXL_WAYS || ways & (ways - 1) ||
	    ways < cxl->windows[region->window].ways)
		return -EINVAL;
	if (region->state >= DAX_CXL_INTERLEAVE)
		return -EBUSY;
	region->ways = ways;
	return 0;
}

/**
 * dax_cxl_region_set_granularity() - `interleave_granularity`
 * @cxl:	the windows
 * @region:	the region
 * @granularity: bytes that go to each target in turn
 *
 * Return: 0; -EINVAL: not a power of two from 256 to 16384, or not that of a window that
 * interleaves; -EBUSY: the region has addresses.
 */
int dax_cxl_region_set_granularity(const struct dax_cxl *cxl,
				   struct dax_cxl_region *region, uint32_t granularity)
{
	const struct dax_cxl_window *window = &cxl->windows[region->window];

	if (granularity < 256 || granularity > 16384 || granularity & (granularity - 1))
		return -EINVAL;
	if (window->ways > 1 && granularity != window->granularity)
		return -EINVAL;
	if (region->state >= DAX_CXL_INTERLEAVE)
		return -EBUSY;
	region->granularity = granularity;
	return 0;
}

static bool is_zero_uuid(const uint8_t uuid[DAX_UUID_LEN])
{
	static const uint8_t zero[DAX_UUID_LEN];

	return !memcmp(uuid, zero, DAX_UUID_LEN);
}

/**
 * dax_cxl_region_set_uuid() - `uuid` of a pmem region
 * @model:	the model
 * @region:	the region
 * @uuid:	its new uuid
 *
 * Return: 0; -EINVAL: zero; -EBUSY: all targets are present, or another region has it.
 */
int dax_cxl_region_set_uuid(struct dax_model *model, struct dax_cxl_region *region,
			    const uint8_t uuid[DAX_UUID_LEN])
{
	const struct dax_cxl_region *other;

	if (is_zero_uuid(uuid))
		return -EINVAL;
	if (!memcmp(region->uuid, uuid, DAX_UUID_LEN))
		return 0;
	if (region->state >= DAX_CXL_ACTIVE)
		return -EBUSY;
	dax_cxl_for_each_region(other,
				model->cxl) if (!memcmp(other->uuid, uuid,
							DAX_UUID_LEN)) return -EBUSY;
	memcpy(region->uuid, uuid, DAX_UUID_LEN);
	return 0;
}

/* Find the lowest hole of a window. Return: its address, or 0. */
static uint64_t find_hole(const struct dax_cxl *cxl, const struct dax_cxl_window *window,
			  uint64_t size)
{
	uint64_t at = window->start;

	while (dax_is_within(at, size, window->start, window->size)) {
		const struct dax_cxl_region *region;

		dax_cxl_for_each_region(region,
					cxl) if (region->size &&
						 dax_is_overlap(at, size, region->start,
								region->size)) break;
		if (!region)
			return at;
		at = region->start + region->size;
	}
	return 0;
}

/**
 * dax_cxl_region_set_size() - `size`
 * @model:	the model
 * @region:	the region
 * @size:	bytes; 0: give the addresses back
 *
 * Return: 0; -EBUSY: all targets are present, or it has another size; -ENXIO: ways,
 * granularity or the uuid of a pmem region is not set; -EINVAL: not a multiple of 256 MiB
 * for each target; -ERANGE: the window has no such hole.
 */
int dax_cxl_region_set_size(struct dax_model *model, struct dax_cxl_region *region,
			    uint64_t size)
{
	uint64_t start;

	if (size == region->size)
		return 0;
	if (!size) {
		if (region->state >= DAX_CXL_ACTIVE)
			return -EBUSY;
		region->size = 0;
		region->state = DAX_CXL_IDLE;
		return 0;
	}
	if (region->size)
		return -EBUSY;
	if (!region->ways || !region->granularity ||
	    (region->mode == DAX_CXL_PMEM && is_zero_uuid(region->uuid)))
		return -ENXIO;
	if (size % (DAX_CXL_UNIT * region->ways))
		return -EINVAL;
	start = find_hole(model->cxl, &model->cxl->windows[region->window], size);
	if (!start)
		return -ERANGE;
	region->start = start;
	region->size = size;
	region->state = DAX_CXL_INTERLEAVE;
	return 0;
}
