/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Create, change and delete CXL regions (drivers/cxl/core/region.c, Linux 7.3).
 *
 * A region is idle, has a size, is active (all targets are present), committed, bound.
 */
#include "libcore/cxl_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/cxl_decoder.h"
#include "libcore/model_ranges.h"

/**
 * dax_cxl_region_is_active() - true if all targets of a region are present
 * @region:	the region
 */
bool dax_cxl_region_is_active(const struct dax_cxl_region *region)
{
	return region->ways && region->nr_targets == region->ways;
}

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

/**
 * dax_cxl_region_next_id() - the id that the next region gets
 * @model:	the model, with CXL
 *
 * All kinds of regions share the ids (drivers/base/memregion.c).
 *
 * Return: the lowest free id.
 */
uint32_t dax_cxl_region_next_id(const struct dax_model *model)
{
	uint32_t id = 0;

	while (dax_model_find_region(model, id) || dax_cxl_region_find(model, id))
		id++;
	return id;
}

/**
 * dax_cxl_region_create() - `create_ram_region` and `create_pmem_region`
 * @model:	the model, with CXL
 * @id:		N of the region's name
 * @mode:	of the region
 * @ret_region:	receives the region if not NULL
 *
 * Return: 0; -EBUSY: it is not the next id; -ENOMEM.
 */
int dax_cxl_region_create(struct dax_model *model, uint32_t id, enum dax_cxl_mode mode,
			  struct dax_cxl_region **ret_region)
{
	struct dax_cxl_region **link = &model->cxl->regions;
	struct dax_cxl_region *region;

	if (id != dax_cxl_region_next_id(model))
		return -EBUSY;
	region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->id = id;
	region->mode = mode;
	while (*link && (*link)->id < id)
		link = &(*link)->next;
	region->next = *link;
	*link = region;
	if (ret_region)
		*ret_region = region;
	return 0;
}

/**
 * dax_cxl_region_delete() - `delete_region`, in any state
 * @model:	the model
 * @region:	the region; freed
 */
void dax_cxl_region_delete(struct dax_model *model, struct dax_cxl_region *region)
{
	struct dax_cxl_region **link = &model->cxl->regions;
	uint32_t i;

	for (i = 0; i < DAX_CXL_WAYS; i++)
		dax_cxl_region_detach(model, region, i);
	while (*link != region)
		link = &(*link)->next;
	*link = region->next;
	free(region);
}

/**
 * dax_cxl_region_set_ways() - `interleave_ways`
 * @region:	the region
 * @ways:	number of targets
 *
 * Return: 0; -EINVAL: not 1, 2, 4, 8 or 16; -EBUSY: the region has a size.
 */
int dax_cxl_region_set_ways(struct dax_cxl_region *region, uint64_t ways)
{
	if (!ways || ways > DAX_CXL_WAYS || ways & (ways - 1))
		return -EINVAL;
	if (region->size || region->nr_targets)
		return -EBUSY;
	region->ways = (uint32_t)ways;
	return 0;
}

/**
 * dax_cxl_region_set_granularity() - `interleave_granularity`
 * @region:	the region
 * @granularity: bytes that go to each target in turn
 *
 * Return: 0; -EINVAL: not a power of two from 256 to 16384; -EBUSY: it has a size.
 */
int dax_cxl_region_set_granularity(struct dax_cxl_region *region, uint64_t granularity)
{
	if (granularity < 256 || granularity > 16384 || granularity & (granularity - 1))
		return -EINVAL;
	if (region->size)
		return -EBUSY;
	region->granularity = (uint32_t)granularity;
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
	if (dax_cxl_region_is_active(region))
		return -EBUSY;
	dax_cxl_for_each_region(other,
				model->cxl) if (!memcmp(other->uuid, uuid,
							DAX_UUID_LEN)) return -EBUSY;
	memcpy(region->uuid, uuid, DAX_UUID_LEN);
	return 0;
}

/* Find the lowest hole of the window. Return: its address, or 0. */
static uint64_t find_hole(const struct dax_cxl *cxl, uint64_t size)
{
	uint64_t at = cxl->start;

	while (dax_is_within(at, size, cxl->start, cxl->size)) {
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

	if (size && size == region->size)
		return 0;
	if (!size && !region->size)
		return 0;
	if (dax_cxl_region_is_active(region) || (size && region->size))
		return -EBUSY;
	if (!size) {
		region->size = 0;
		return 0;
	}
	if (!region->ways || !region->granularity ||
	    (region->mode == DAX_CXL_PMEM && is_zero_uuid(region->uuid)))
		return -ENXIO;
	if (size % (DAX_CXL_UNIT * region->ways))
		return -EINVAL;
	start = find_hole(model->cxl, size);
	if (!start)
		return -ERANGE;
	region->start = start;
	region->size = size;
	return 0;
}

/* The checks of cxl_region_attach() that concern the decoder's values alone. */
static int check_decoder(const struct dax_cxl_region *region,
			 const struct dax_cxl_decoder *decoder)
{
	if (!region->granularity)
		return -ENXIO;
	if (decoder->mode == DAX_CXL_NONE)
		return -ENODEV;
	if (decoder->mode != region->mode)
		return -EINVAL;
	if (dax_cxl_region_is_active(region))
		return -EBUSY;
	if (!region->size || !decoder->dpa_size)
		return -ENXIO;
	if (decoder->dpa_size * region->ways != region->size)
		return -EINVAL;
	return 0;
}

/*
 * Decoders of the host bridge are given out in order: a region gets the one behind those
 * that are committed, which another region may have reserved. A bridge with a single port
 * passes everything through and has one decoder that is never committed.
 */
static int take_port_decoder(struct dax_cxl *cxl, struct dax_cxl_region *region)
{
	uint32_t limit = cxl->nr_memdevs > 1 ? DAX_CXL_DECODERS : 1;
	uint32_t n = 0;

	while (n < limit && cxl->decoders[n].is_committed)
		n++;
	if (n == limit || (cxl->decoders[n].region && !region->nr_targets) ||
	    dax_cxl_decoder_port_committed(cxl) > n)
		return -EBUSY;
	cxl->decoders[n].region = region;
	region->port_decoder = n;
	return 0;
}

/**
 * dax_cxl_region_attach() - write the name of a decoder to `targetI`
 * @model:	the model
 * @region:	the region
 * @position:	I, below the region's ways
 * @decoder:	an endpoint decoder
 *
 * The checks come in the order of the errors below (cxl_region_attach()).
 *
 * Return: 0; -ENXIO: no granularity; -ENODEV: the decoder has no mode; -EINVAL: another
 * mode than the region; -EBUSY: all targets are present; -ENXIO: the region has no size or
 * the decoder no memory; -EINVAL: not the memory that the region needs; -EBUSY: the
 * position is taken, the memory device is a target already, the decoder is another
 * region's, or the host bridge has no decoder.
 */
int dax_cxl_region_attach(struct dax_model *model, struct dax_cxl_region *region,
			  uint32_t position, struct dax_cxl_decoder *decoder)
{
	struct dax_cxl *cxl = model->cxl;
	uint32_t i;
	int r;

	r = check_decoder(region, decoder);
	if (r < 0)
		return r;
	for (i = 0; i < region->ways; i++)
		if (region->targets[i] &&
		    (i == position || dax_cxl_decoder_memdev(cxl, region->targets[i]) ==
					      dax_cxl_decoder_memdev(cxl, decoder)))
			return -EBUSY;
	if (decoder->region)
		return -EBUSY;
	r = take_port_decoder(cxl, region);
	if (r < 0)
		return r;
	region->targets[position] = decoder;
	region->nr_targets++;
	decoder->region = region;
	decoder->position = position;
	return 0;
}

/**
 * dax_cxl_region_detach() - write nothing but a newline to `targetI`
 * @model:	the model
 * @region:	the region; its driver is released and its decoders are reset
 * @position:	I; need not have a target
 */
void dax_cxl_region_detach(struct dax_model *model, struct dax_cxl_region *region,
			   uint32_t position)
{
	struct dax_cxl_decoder *decoder = region->targets[position];

	if (!decoder)
		return;
	dax_cxl_region_reset(model, region);
	decoder->region = NULL;
	region->targets[position] = NULL;
	if (!--region->nr_targets)
		model->cxl->decoders[region->port_decoder].region = NULL;
}

/**
 * dax_cxl_region_commit() - `commit` <- 1
 * @model:	the model
 * @region:	the region
 *
 * Return: 0; -ENXIO: targets are missing; -EBUSY: a decoder below one of the region's is
 * not committed yet.
 */
int dax_cxl_region_commit(struct dax_model *model, struct dax_cxl_region *region)
{
	struct dax_cxl *cxl = model->cxl;
	uint32_t i;

	if (region->is_committed)
		return 0;
	if (!dax_cxl_region_is_active(region))
		return -ENXIO;
	for (i = 0; i < region->ways; i++) {
		const struct dax_cxl_decoder *decoder = region->targets[i];
		uint32_t n = dax_cxl_decoder_memdev(cxl, decoder);

		if (dax_cxl_decoder_committed(&cxl->memdevs[n]) !=
		    dax_cxl_decoder_id(cxl, decoder))
			return -EBUSY;
	}
	if (cxl->nr_memdevs > 1) {
		if (dax_cxl_decoder_port_committed(cxl) != region->port_decoder)
			return -EBUSY;
		cxl->decoders[region->port_decoder].is_committed = true;
	}
	for (i = 0; i < region->ways; i++)
		region->targets[i]->is_committed = true;
	region->is_committed = true;
	return 0;
}

/**
 * dax_cxl_region_reset() - `commit` <- 0
 * @model:	the model
 * @region:	the region; its driver is released
 */
void dax_cxl_region_reset(struct dax_model *model, struct dax_cxl_region *region)
{
	uint32_t i;

	dax_cxl_region_unbind(model, region);
	if (!region->is_committed)
		return;
	for (i = 0; i < region->ways; i++)
		region->targets[i]->is_committed = false;
	model->cxl->decoders[region->port_decoder].is_committed = false;
	region->is_committed = false;
}

/* Note where the bytes of a committed region are; pieces side by side are one. */
static void find_pieces(const struct dax_cxl *cxl, const struct dax_cxl_region *region,
			struct dax_region *ret)
{
	uint32_t i;

	for (i = 0; i < region->ways; i++) {
		const struct dax_cxl_decoder *decoder = region->targets[i];
		uint64_t at = dax_cxl_decoder_memdev(cxl, decoder) * cxl->memdev_size +
			      decoder->dpa;
		struct dax_range *last =
			ret->nr_pieces ? &ret->pieces[ret->nr_pieces - 1] : NULL;

		if (last && dax_range_end(last) == at)
			last->len += decoder->dpa_size;
		else
			ret->pieces[ret->nr_pieces++] =
				(struct dax_range){at, decoder->dpa_size};
	}
}

/**
 * dax_cxl_region_bind() - drivers/cxl_region/bind
 * @model:	the model; receives the region's dax region with a device 0 over all of it
 * @region:	the region
 *
 * Return: 0; -EBUSY: bound; -ENXIO: not committed; -EEXIST: another kind of region has
 * its id; -ENOSPC: no minor is left; -ENOMEM.
 */
int dax_cxl_region_bind(struct dax_model *model, struct dax_cxl_region *region)
{
	const struct dax_cxl *cxl = model->cxl;
	struct dax_region like = {
		.id = region->id,
		.type = DAX_REGION_CXL,
		.start = region->start,
		.size = region->size,
		.align = cxl->align,
		.has_pages = cxl->has_pages,
		.numa_node = cxl->numa_node,
		.target_node = cxl->target_node,
	};
	struct dax_region *dax;
	int r;

	if (region->is_bound)
		return -EBUSY;
	if (!region->is_committed)
		return -ENXIO;
	find_pieces(cxl, region, &like);
	r = dax_model_add_region(model, &like, &dax);
	if (r < 0)
		return r;
	dax->devices->is_bound = cxl->how == DAX_CXL_START_DEVDAX;
	region->is_bound = true;
	return 0;
}

/**
 * dax_cxl_region_unbind() - drivers/cxl_region/unbind
 * @model:	the model; the region's dax region and its devices are removed
 * @region:	the region
 *
 * The minors of its devices stay taken until dax_model_release_minor().
 *
 * Return: 0, or -ENODEV if it is not bound.
 */
int dax_cxl_region_unbind(struct dax_model *model, struct dax_cxl_region *region)
{
	if (!region->is_bound)
		return -ENODEV;
	dax_model_remove_region(model, dax_model_find_region(model, region->id));
	region->is_bound = false;
	return 0;
}
