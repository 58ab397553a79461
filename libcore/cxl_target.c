/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Targets of a CXL region: endpoint decoders, and the host bridges' decoders above them
 * (core/region.c, Linux 7.3: cxl_region_attach(), cxl_region_detach()).
 */
#include "libcore/cxl_target.h"

#include <errno.h>
#include <string.h>

#include "libcore/cxl_commit.h"
#include "libcore/cxl_decoder.h"

#define GRANULARITY_MIN 256
#define GRANULARITY_MAX 16384

/*
 * Address bits 8 to 14 select the target (check_interleave_cap()). Granularity 0 is one
 * that is not set yet.
 */
static bool can_interleave(uint32_t ways, uint32_t granularity)
{
	return ways == 1 || ways * (granularity ? granularity : GRANULARITY_MIN) <=
				    2 * GRANULARITY_MAX;
}

/* The checks of cxl_region_attach() that concern the decoder's values alone. */
static int check_decoder(const struct dax_model *model,
			 const struct dax_cxl_region *region,
			 const struct dax_cxl_decoder *decoder)
{
	if (!can_interleave(region->ways, region->granularity))
		return -ENXIO;
	if (decoder->mode == DAX_CXL_NONE &&
	    dax_kernel_has(model->kernel, DAX_RULE_CXL_PARTITIONS))
		return -ENODEV;
	if (decoder->mode != region->mode)
		return -EINVAL;
	if (region->state > DAX_CXL_INTERLEAVE)
		return -EBUSY;
	if (region->state < DAX_CXL_INTERLEAVE)
		return -ENXIO;
	if (region->nr_targets >= region->ways)
		return -EINVAL;
	if (!decoder->dpa_size)
		return -ENXIO;
	if (decoder->dpa_size * region->ways != region->size)
		return -EINVAL;
	return 0;
}

/* cxl_region_validate_position(), and that the host bridge is the one of the position. */
static int check_position(const struct dax_cxl *cxl, const struct dax_cxl_region *region,
			  uint32_t position, uint32_t memdev)
{
	const struct dax_cxl_window *window = &cxl->windows[region->window];
	uint32_t i;

	if (region->targets[position])
		return -EBUSY;
	for (i = 0; i < region->ways; i++)
		if (region->targets[i] &&
		    dax_cxl_decoder_memdev(cxl, region->targets[i]) == memdev)
			return -EBUSY;
	if (window->bridges[position % window->ways] != dax_cxl_bridge_of(cxl, memdev))
		return -ENXIO;
	return 0;
}

/* True if a region with addresses above those of @region has a decoder there already. */
static bool is_below(const struct dax_cxl_region *other,
		     const struct dax_cxl_region *region)
{
	return other && other != region && other->size && other->start >= region->start;
}

/* Regions must come in the order of their addresses (alloc_region_ref()). */
static int check_endpoint(const struct dax_cxl *cxl, const struct dax_cxl_region *region,
			  const struct dax_cxl_decoder *decoder, uint32_t memdev)
{
	uint32_t i;

	for (i = 0; i < DAX_CXL_DECODERS; i++)
		if (is_below(cxl->memdevs[memdev].decoders[i].region, region))
			return -EBUSY;
	return decoder->region ? -EBUSY : 0;
}

/*
 * Find the decoder of a host bridge that a region gets: the one behind those that are
 * committed, if no lower one was reset and no other region has it (match_free_decoder()).
 * A bridge with a single port passes everything through and has one decoder, which is
 * never committed.
 */
static int find_switch(const struct dax_cxl_bridge *bridge,
		       const struct dax_cxl_region *region, uint32_t *ret)
{
	const uint32_t limit = bridge->nr_slots > 1 ? DAX_CXL_DECODERS : 1;
	const uint32_t n = dax_cxl_decoder_port_committed(bridge);
	uint32_t i;

	for (i = 0; i < limit; i++)
		if (is_below(bridge->decoders[i].region, region))
			return -EBUSY;
	if (n >= limit || bridge->decoders[n].region)
		return -EBUSY;
	for (i = 0; i < n; i++)
		if (!bridge->decoders[i].is_committed)
			return -EBUSY;
	*ret = n;
	return 0;
}

/* cxl_port_attach_region() of the host bridge. */
static int plan_route(const struct dax_cxl *cxl, const struct dax_cxl_region *region,
		      uint32_t bridge, struct dax_cxl_route *ret)
{
	*ret = region->routes[bridge];
	if (!ret->nr_targets) {
		int r = find_switch(&cxl->bridges[bridge], region, &ret->decoder);

		if (r < 0)
			return r;
	}
	ret->nr_targets++;
	ret->counted++;
	return ret->counted > DAX_CXL_FANOUT ? -ENXIO : 0;
}

static uint32_t port_granularity(const struct dax_cxl *cxl,
				 const struct dax_cxl_region *region)
{
	return region->granularity * cxl->windows[region->window].ways;
}

static bool is_power_of_2(uint32_t n)
{
	return n && !(n & (n - 1));
}

/* cxl_port_setup_targets(): refuse what a host bridge's decoder can't do. */
static int check_route(const struct dax_cxl *cxl, const struct dax_cxl_region *region,
		       const struct dax_cxl_route *route)
{
	const uint32_t granularity = port_granularity(cxl, region);

	if (!is_power_of_2(route->counted) || granularity > GRANULARITY_MAX)
		return -EINVAL;
	return can_interleave(route->counted, granularity) ? 0 : -ENXIO;
}

/* The last target completes the region, if its host bridges can interleave so. */
static int check_all(const struct dax_cxl *cxl, const struct dax_cxl_region *region)
{
	uint32_t i;
	int r = 0;

	for (i = 0; i < cxl->nr_bridges && r == 0; i++)
		if (region->routes[i].nr_targets)
			r = check_route(cxl, region, &region->routes[i]);
	return r;
}

/*
 * The kernel takes a last target and then crashes if others are behind the last way, or if
 * it counts more targets of a host bridge than there are.
 */
static bool is_harmful(const struct dax_cxl *cxl, const struct dax_cxl_region *region)
{
	bool is_counted_wrong = false;
	uint32_t nr = 1;
	uint32_t i;

	for (i = 0; i < region->ways; i++)
		nr += region->targets[i] != NULL;
	for (i = 0; i < cxl->nr_bridges; i++)
		if (region->routes[i].counted != region->routes[i].nr_targets)
			is_counted_wrong = true;
	return nr != region->ways || (is_counted_wrong && check_all(cxl, region) == 0);
}

/* Program the decoders of the host bridges (cxl_region_setup_targets()). */
static void set_up_routes(struct dax_cxl *cxl, const struct dax_cxl_region *region)
{
	uint32_t filled[DAX_CXL_BRIDGES] = {0};
	uint32_t i;

	for (i = 0; i < region->ways; i++) {
		const uint32_t n = dax_cxl_decoder_memdev(cxl, region->targets[i]);
		const uint32_t b = dax_cxl_bridge_of(cxl, n);
		const struct dax_cxl_route *route = &region->routes[b];
		struct dax_cxl_switch *decoder =
			&cxl->bridges[b].decoders[route->decoder];

		decoder->slots[filled[b]++] = dax_cxl_slot_of(cxl, n);
		decoder->decode = (struct dax_cxl_decode){
			.ways = route->nr_targets,
			.granularity = port_granularity(cxl, region),
			.start = region->start,
			.size = region->size,
		};
	}
}

/**
 * dax_cxl_region_attach() - write the name of a decoder to `targetI`
 * @model:	the model
 * @region:	the region
 * @position:	I, below the region's ways
 * @decoder:	an endpoint decoder
 *
 * The checks come in the order of the errors below.
 *
 * Return: 0; -ENXIO: ways and granularity do not fit together; -ENODEV (6.12: -EINVAL): the
 * decoder has no mode; -EINVAL: another mode than the region; -EBUSY: all targets are present; -ENXIO: the
 * region has no size; -EINVAL: it has as many targets as ways; -ENXIO: the decoder has no
 * memory; -EINVAL: not the memory that the region needs; -EBUSY: the position is taken, or
 * the memory device is a target already; -ENXIO: the position is another host bridge's;
 * -EBUSY: the decoder is another region's, a region with higher addresses was there first,
 * or the host bridge has no decoder; -ENXIO: more targets than its decoders have; -EINVAL,
 * -ENXIO: they can't interleave so, but the target stays. Among the latter is a region that
 * keeps a target below the host bridge that another one has left: the kernel counts both.
 */
int dax_cxl_region_attach(struct dax_model *model, struct dax_cxl_region *region,
			  uint32_t position, struct dax_cxl_decoder *decoder)
{
	struct dax_cxl *cxl = model->cxl;
	const uint32_t memdev = dax_cxl_decoder_memdev(cxl, decoder);
	const uint32_t bridge = dax_cxl_bridge_of(cxl, memdev);
	struct dax_cxl_route *route = &region->routes[bridge];
	const struct dax_cxl_route before = *route;
	struct dax_cxl_route next;
	int r;

	r = check_decoder(model, region, decoder);
	if (r == 0)
		r = check_position(cxl, region, position, memdev);
	if (r == 0)
		r = check_endpoint(cxl, region, decoder, memdev);
	if (r == 0)
		r = plan_route(cxl, region, bridge, &next);
	if (r < 0)
		return r;
	*route = next;
	if (region->nr_targets + 1 == region->ways && is_harmful(cxl, region)) {
		*route = before;
		return -EINVAL;
	}
	cxl->bridges[bridge].decoders[route->decoder].region = region;
	region->targets[position] = decoder;
	region->nr_targets++;
	decoder->region = region;
	decoder->position = position;
	if (region->nr_targets == region->ways) {
		r = check_all(cxl, region);
		if (r < 0)
			return r;
		set_up_routes(cxl, region);
		region->state = DAX_CXL_ACTIVE;
	}
	decoder->decode = (struct dax_cxl_decode){region->ways, region->granularity,
						  region->start, region->size};
	return 0;
}

static void clear_range(struct dax_cxl_decode *decode)
{
	decode->start = 0;
	decode->size = 0;
}

/*
 * A host bridge's decoder forgets the addresses only if the region keeps a target below it:
 * cxl_region_teardown_targets() does not find one that was given back. Ways, granularity
 * and the list of targets stay in any case.
 */
static void tear_down_routes(struct dax_cxl *cxl, const struct dax_cxl_region *region)
{
	uint32_t i;

	for (i = 0; i < cxl->nr_bridges; i++)
		if (region->routes[i].nr_targets)
			clear_range(&cxl->bridges[i]
					     .decoders[region->routes[i].decoder]
					     .decode);
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
	struct dax_cxl *cxl = model->cxl;
	struct dax_cxl_route *route;
	uint32_t bridge;

	if (!decoder)
		return;
	dax_cxl_region_reset(model, region);
	bridge = dax_cxl_bridge_of(cxl, dax_cxl_decoder_memdev(cxl, decoder));
	route = &region->routes[bridge];
	if (!--route->nr_targets) {
		cxl->bridges[bridge].decoders[route->decoder].region = NULL;
		route->counted = 0;
	}
	if (region->state == DAX_CXL_ACTIVE) {
		region->state = DAX_CXL_INTERLEAVE;
		tear_down_routes(cxl, region);
	}
	region->targets[position] = NULL;
	region->nr_targets--;
	decoder->region = NULL;
	clear_range(&decoder->decode);
}
