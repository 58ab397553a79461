/* SPDX-License-Identifier: BSD-2-Clause */
/* Commit the decoders of a CXL region, and bind its driver (core/region.c, Linux 7.3). */
#include "libcore/cxl_commit.h"

#include <errno.h>
#include <string.h>

#include "libcore/cxl_decoder.h"
#include "libcore/cxl_pmem.h"
#include "libcore/model_ranges.h"

/* True if all decoders below those of the region are committed. */
static bool is_in_order(const struct dax_cxl *cxl, const struct dax_cxl_region *region)
{
	uint32_t i;

	for (i = 0; i < region->ways; i++) {
		const struct dax_cxl_decoder *decoder = region->targets[i];
		const uint32_t n = dax_cxl_decoder_memdev(cxl, decoder);
		const uint32_t b = dax_cxl_bridge_of(cxl, n);
		const struct dax_cxl_bridge *bridge = &cxl->bridges[b];

		if (dax_cxl_decoder_committed(&cxl->memdevs[n]) !=
		    dax_cxl_decoder_id(cxl, decoder))
			return false;
		if (bridge->nr_slots > 1 &&
		    dax_cxl_decoder_port_committed(bridge) != region->routes[b].decoder)
			return false;
	}
	return true;
}

/* A reset clears the addresses in the registers, but not these (core/hdm.c). */
static void keep(struct dax_cxl_decode *kept, const struct dax_cxl_decode *decode)
{
	kept->ways = decode->ways;
	kept->granularity = decode->granularity;
}

/* A host bridge with a single port passes everything through: nothing is committed. */
static void set_committed(struct dax_cxl *cxl, struct dax_cxl_region *region, bool is_on)
{
	uint32_t i;

	for (i = 0; i < region->ways; i++) {
		struct dax_cxl_decoder *decoder = region->targets[i];

		decoder->is_committed = is_on;
		if (is_on)
			keep(&decoder->kept, &decoder->decode);
	}
	for (i = 0; i < cxl->nr_bridges; i++) {
		struct dax_cxl_bridge *bridge = &cxl->bridges[i];
		const struct dax_cxl_route *route = &region->routes[i];

		struct dax_cxl_switch *decoder = &bridge->decoders[route->decoder];

		if (!route->nr_targets || bridge->nr_slots == 1)
			continue;
		decoder->is_committed = is_on;
		if (!is_on)
			continue;
		keep(&decoder->kept, &decoder->decode);
		memcpy(decoder->kept_slots, decoder->slots, sizeof(decoder->slots));
	}
	region->state = is_on ? DAX_CXL_COMMIT : DAX_CXL_ACTIVE;
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
	if (region->state == DAX_CXL_COMMIT)
		return 0;
	if (region->state < DAX_CXL_ACTIVE)
		return -ENXIO;
	if (!is_in_order(model->cxl, region))
		return -EBUSY;
	set_committed(model->cxl, region, true);
	return 0;
}

/**
 * dax_cxl_region_reset() - `commit` <- 0
 * @model:	the model
 * @region:	the region; its driver is released
 */
void dax_cxl_region_reset(struct dax_model *model, struct dax_cxl_region *region)
{
	dax_cxl_region_unbind(model, region);
	if (region->state == DAX_CXL_COMMIT)
		set_committed(model->cxl, region, false);
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
 * @model:	the model; receives the region's dax region with a device 0 over all of it, or
 *		the nd region of persistent memory with the devices in its namespaces
 * @region:	the region
 *
 * The device is kept for kmem, unless the config says otherwise. Then device_dax takes it only
 * if its name is still in the driver's list of ids, where daxctl puts it.
 *
 * Return: 0; -EBUSY: bound; -ENXIO: not committed; -EEXIST: another kind of region has
 * its id; -ENOSPC: no minor is left; -ENOMEM.
 */
int dax_cxl_region_bind(struct dax_model *model, struct dax_cxl_region *region)
{
	const struct dax_cxl *cxl = model->cxl;
	struct dax_region like = {
		.id = region->id,
		.type = region->mode == DAX_CXL_PMEM ? DAX_REGION_CXL_PMEM
						     : DAX_REGION_CXL,
		.map = cxl->map,
		.start = region->start,
		.size = region->size,
		.align = cxl->align,
		.has_pages = cxl->has_pages,
		.numa_node = cxl->numa_node,
		.target_node = cxl->target_node,
		.window = region->window,
		/* drivers/dax/cxl.c: IORESOURCE_DAX_KMEM */
		.is_reserved =
			region->mode == DAX_CXL_RAM && cxl->how != DAX_CXL_START_DEVDAX,
	};
	struct dax_region *dax;
	int r;

	if (like.target_node >= 0)
		like.target_node += (int)region->window;
	if (region->is_bound)
		return -EBUSY;
	if (region->state != DAX_CXL_COMMIT)
		return -ENXIO;
	find_pieces(cxl, region, &like);
	r = dax_model_add_region(model, &like, &dax);
	if (r < 0)
		return r;
	region->is_bound = true;
	if (region->mode == DAX_CXL_RAM)
		return 0;
	r = dax_cxl_pmem_probe(model, dax);
	if (r < 0)
		dax_cxl_region_unbind(model, region);
	return r;
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
