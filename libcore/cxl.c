/* SPDX-License-Identifier: BSD-2-Clause */
/* The CXL windows of a model, with host bridges, memory devices and their decoders. */
#include "libcore/cxl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/cxl_commit.h"
#include "libcore/cxl_decoder.h"
#include "libcore/cxl_pmem.h"
#include "libcore/cxl_region.h"
#include "libcore/cxl_target.h"

static bool is_window_valid(const struct dax_cxl *cxl,
			    const struct dax_cxl_window *window)
{
	uint32_t i;
	uint32_t j;

	if (!window->size || window->size % DAX_CXL_UNIT || !window->ways ||
	    window->ways > DAX_CXL_BRIDGES || window->ways & (window->ways - 1))
		return false;
	for (i = 0; i < window->ways; i++) {
		if (window->bridges[i] >= cxl->nr_bridges)
			return false;
		for (j = 0; j < i; j++)
			if (window->bridges[i] == window->bridges[j])
				return false;
	}
	return true;
}

static bool is_valid(const struct dax_cxl *cxl)
{
	uint32_t i;

	if (!cxl->nr_memdevs || cxl->nr_memdevs > DAX_CXL_MEMDEVS || !cxl->memdev_size ||
	    (cxl->memdev_size | cxl->start) % DAX_CXL_UNIT || !cxl->nr_windows ||
	    cxl->nr_windows > DAX_CXL_WINDOWS || !cxl->nr_bridges ||
	    cxl->nr_bridges > DAX_CXL_BRIDGES || cxl->nr_bridges > cxl->nr_memdevs)
		return false;
	for (i = 0; i < cxl->nr_windows; i++)
		if (!is_window_valid(cxl, &cxl->windows[i]))
			return false;
	return true;
}

/* The decoders as they are before their first use (core/hdm.c: init_hdm_decoder()). */
static void init_bridge(struct dax_cxl_bridge *bridge)
{
	/* One that passes everything through has the page's size (core/port.c). */
	const uint32_t granularity = bridge->nr_slots > 1 ? 256 : 4096;
	uint32_t i;

	for (i = 0; i < DAX_CXL_DECODERS; i++)
		bridge->decoders[i].decode = bridge->decoders[i].kept =
			(struct dax_cxl_decode){.ways = 1, .granularity = granularity};
}

/* The decoders as they are when the port gets its driver again: the registers are read. */
static void read_bridge(struct dax_cxl_bridge *bridge)
{
	uint32_t i;

	for (i = 0; i < DAX_CXL_DECODERS; i++) {
		struct dax_cxl_switch *decoder = &bridge->decoders[i];

		decoder->decode = decoder->kept;
		memcpy(decoder->slots, decoder->kept_slots, sizeof(decoder->slots));
	}
	bridge->dports = 0;
}

static void init_memdev(struct dax_cxl_memdev *memdev)
{
	uint32_t i;

	for (i = 0; i < DAX_CXL_DECODERS; i++)
		memdev->decoders[i].kept =
			(struct dax_cxl_decode){.ways = 1, .granularity = 256};
}

/**
 * dax_cxl_add() - add CXL to a model
 * @model:	the model, without it, but with the regions of other types, whose ids no
 *		window takes
 * @like:	the number and size of the memory devices, the windows without their
 *		starts, the settings of its regions and the uuids are copied
 *
 * All memory devices are enabled, and there are no regions.
 *
 * Return: 0; -EINVAL: the numbers do not fit; -ENOMEM.
 */
int dax_cxl_add(struct dax_model *model, const struct dax_cxl *like)
{
	struct dax_cxl *cxl;
	uint64_t start = like->start;
	uint32_t i;

	if (!is_valid(like))
		return -EINVAL;
	model->cxl = cxl = calloc(1, sizeof(*cxl));
	if (!cxl)
		return -ENOMEM;
	*cxl = *like;
	if (cxl->partition == DAX_CXL_NONE)
		cxl->partition = DAX_CXL_RAM;
	for (i = 0; i < cxl->nr_memdevs; i++)
		cxl->bridges[dax_cxl_bridge_of(cxl, i)].nr_slots++;
	for (i = 0; i < cxl->nr_bridges; i++)
		init_bridge(&cxl->bridges[i]);
	for (i = 0; i < cxl->nr_windows; i++) {
		cxl->windows[i].start = start;
		start += cxl->windows[i].size;
		cxl->windows[i].next_id = UINT32_MAX;
	}
	for (i = 0; i < cxl->nr_windows; i++)
		cxl->windows[i].next_id = dax_cxl_region_free_id(model);
	for (i = 0; i < cxl->nr_memdevs; i++) {
		init_memdev(&cxl->memdevs[i]);
		dax_cxl_memdev_bind(model, i);
	}
	return 0;
}

/**
 * dax_cxl_remove() - remove the CXL window with all its regions
 * @model:	the model, with or without one
 */
void dax_cxl_remove(struct dax_model *model)
{
	if (!model->cxl)
		return;
	while (model->cxl->regions)
		dax_cxl_region_delete(model, model->cxl->regions);
	free(model->cxl);
	model->cxl = NULL;
}

/* The Nth memory device that can be target @position of a region of a window. */
static struct dax_cxl_decoder *
find_target(struct dax_cxl *cxl, const struct dax_cxl_window *window, uint32_t position)
{
	const uint32_t bridge = window->bridges[position % window->ways];
	const uint32_t n = bridge + position / window->ways * cxl->nr_bridges;

	return n < cxl->nr_memdevs ? &cxl->memdevs[n].decoders[0] : NULL;
}

/**
 * dax_cxl_make_region() - make the region that is there at the start
 * @model:	the model, with CXL and without regions of it
 * @id:		of the region, whatever the next id is
 * @ways:	how many of the memory devices it has, from the first one
 * @granularity: of the interleave
 *
 * It is in the first window. Persistent memory has a namespace over all of it with
 * DAX_CXL_START_DEVDAX.
 *
 * Return: 0, or the negative errno of the step that failed.
 */
int dax_cxl_make_region(struct dax_model *model, uint32_t id, uint32_t ways,
			uint32_t granularity)
{
	struct dax_cxl *cxl = model->cxl;
	struct dax_cxl_region *region;
	uint32_t i;
	int r;

	cxl->windows[0].next_id = id;
	r = dax_cxl_region_create(model, 0, id, cxl->partition, &region);
	if (r < 0)
		return r;
	r = dax_cxl_region_set_granularity(cxl, region, granularity);
	if (r == 0)
		r = dax_cxl_region_set_ways(cxl, region, ways);
	if (r == 0 && cxl->partition == DAX_CXL_PMEM)
		r = dax_cxl_region_set_uuid(model, region, cxl->region_uuid);
	if (r == 0)
		r = dax_cxl_region_set_size(model, region, ways * cxl->memdev_size);
	for (i = 0; r == 0 && i < ways; i++) {
		struct dax_cxl_decoder *decoder = find_target(cxl, &cxl->windows[0], i);

		if (!decoder)
			return -ENXIO;
		dax_cxl_decoder_set_mode(model, decoder, cxl->partition);
		dax_cxl_decoder_set_size(model, decoder, cxl->memdev_size);
		r = dax_cxl_region_attach(model, region, i, decoder);
	}
	if (r == 0)
		r = dax_cxl_region_commit(model, region);
	if (r == 0)
		r = dax_cxl_region_bind(model, region);
	if (r < 0 || cxl->partition == DAX_CXL_RAM || cxl->how != DAX_CXL_START_DEVDAX)
		return r;
	dax_cxl_pmem_label(model, dax_model_find_region(model, id));
	return dax_cxl_pmem_probe(model, dax_model_find_region(model, id));
}

static bool is_endpoint_taken(const struct dax_cxl *cxl, uint32_t number)
{
	uint32_t i;

	for (i = 0; i < cxl->nr_memdevs; i++)
		if (cxl->memdevs[i].is_bound && cxl->memdevs[i].endpoint == number)
			return true;
	return false;
}

/**
 * dax_cxl_memdev_bind() - drivers/cxl_mem/bind
 * @model:	the model, with CXL
 * @n:		N of memN
 *
 * Its endpoint gets the lowest free number of a port: root0 and the host bridges have the
 * first ones.
 *
 * Return: 0; -EBUSY: it is bound; -ENXIO: the host bridge has no driver.
 */
int dax_cxl_memdev_bind(struct dax_model *model, uint32_t n)
{
	struct dax_cxl *cxl = model->cxl;
	struct dax_cxl_memdev *memdev = &cxl->memdevs[n];
	struct dax_cxl_bridge *bridge = &cxl->bridges[dax_cxl_bridge_of(cxl, n)];
	uint32_t number = cxl->nr_bridges + 1;
	uint32_t i;

	if (memdev->is_bound)
		return -EBUSY;
	if (bridge->is_gone)
		return -ENXIO;
	while (is_endpoint_taken(cxl, number))
		number++;
	memdev->is_bound = true;
	memdev->endpoint = number;
	for (i = 0; i < DAX_CXL_DECODERS; i++)
		memdev->decoders[i] =
			(struct dax_cxl_decoder){.decode = memdev->decoders[i].kept,
						 .kept = memdev->decoders[i].kept};
	bridge->dports |= 1u << dax_cxl_slot_of(cxl, n);
	return 0;
}

/**
 * dax_cxl_memdev_unbind() - drivers/cxl_mem/unbind
 * @model:	the model, with CXL
 * @n:		N of memN; its regions lose it, whatever is mapped
 *
 * Return: 0, or -ENODEV if it is not bound.
 */
int dax_cxl_memdev_unbind(struct dax_model *model, uint32_t n)
{
	struct dax_cxl_memdev *memdev = &model->cxl->memdevs[n];
	uint32_t i;

	if (!memdev->is_bound)
		return -ENODEV;
	for (i = 0; i < DAX_CXL_DECODERS; i++)
		if (memdev->decoders[i].region)
			dax_cxl_region_detach(model, memdev->decoders[i].region,
					      memdev->decoders[i].position);
	memdev->is_bound = false;
	return 0;
}

/**
 * dax_cxl_port_bind() - drivers/cxl_port/bind of a host bridge's port
 * @model:	the model, with CXL
 * @bridge:	number of the host bridge, from 0
 *
 * The memory devices stay disabled; with late ports, the decoders come back with the first
 * of them.
 *
 * Return: 0, or -EBUSY if it is bound.
 */
int dax_cxl_port_bind(struct dax_model *model, uint32_t bridge)
{
	struct dax_cxl_bridge *b = &model->cxl->bridges[bridge];

	if (!b->is_gone)
		return -EBUSY;
	b->is_gone = false;
	if (!dax_kernel_has(model->kernel, DAX_RULE_CXL_LATE_PORTS))
		b->dports = (1u << b->nr_slots) - 1;
	return 0;
}

/**
 * dax_cxl_port_unbind() - drivers/cxl_port/unbind of a host bridge's port
 * @model:	the model, with CXL
 * @bridge:	number of the host bridge, from 0; all memory devices below it are disabled
 *
 * Return: 0, or -ENODEV if it is not bound.
 */
int dax_cxl_port_unbind(struct dax_model *model, uint32_t bridge)
{
	struct dax_cxl *cxl = model->cxl;
	struct dax_cxl_bridge *b = &cxl->bridges[bridge];
	uint32_t i;

	if (b->is_gone)
		return -ENODEV;
	for (i = 0; i < cxl->nr_memdevs; i++)
		if (dax_cxl_bridge_of(cxl, i) == bridge)
			dax_cxl_memdev_unbind(model, i);
	read_bridge(b);
	b->is_gone = true;
	return 0;
}
