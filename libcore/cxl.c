/* SPDX-License-Identifier: BSD-2-Clause */
/* The CXL window of a model with its memory devices and their decoders. */
#include "libcore/cxl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/cxl_decoder.h"
#include "libcore/cxl_region.h"

/**
 * dax_cxl_add() - add the CXL window to a model
 * @model:	the model, without one
 * @like:	the window, the number and size of its memory devices and the settings of
 *		its regions are copied
 *
 * All memory devices are enabled, and there are no regions.
 *
 * Return: 0; -EINVAL: the numbers do not fit; -ENOMEM.
 */
int dax_cxl_add(struct dax_model *model, const struct dax_cxl *like)
{
	uint32_t i;

	if (!like->nr_memdevs || like->nr_memdevs > DAX_CXL_MEMDEVS ||
	    !like->memdev_size ||
	    (like->memdev_size | like->start | like->size) % DAX_CXL_UNIT)
		return -EINVAL;
	model->cxl = calloc(1, sizeof(*model->cxl));
	if (!model->cxl)
		return -ENOMEM;
	*model->cxl = *like;
	for (i = 0; i < like->nr_memdevs; i++)
		dax_cxl_memdev_bind(model, i);
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

/**
 * dax_cxl_make_region() - make the region that is there at the start
 * @model:	the model, with CXL and without regions of it
 * @id:		of the region, whatever the next id is
 * @ways:	how many of the memory devices it has, from the first one
 * @granularity: of the interleave
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

	r = dax_cxl_region_create(model, dax_cxl_region_next_id(model), DAX_CXL_RAM,
				  &region);
	if (r < 0)
		return r;
	region->id = id;
	r = dax_cxl_region_set_granularity(region, granularity);
	if (r == 0)
		r = dax_cxl_region_set_ways(region, ways);
	if (r == 0)
		r = dax_cxl_region_set_size(model, region, ways * cxl->memdev_size);
	for (i = 0; r == 0 && i < ways; i++) {
		struct dax_cxl_decoder *decoder = &cxl->memdevs[i].decoders[0];

		dax_cxl_decoder_set_mode(decoder, DAX_CXL_RAM);
		dax_cxl_decoder_set_size(cxl, decoder, cxl->memdev_size);
		r = dax_cxl_region_attach(model, region, i, decoder);
	}
	if (r == 0)
		r = dax_cxl_region_commit(model, region);
	return r < 0 ? r : dax_cxl_region_bind(model, region);
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
 * Its endpoint gets the lowest free number of a port: root0 and port1 have the first two.
 *
 * Return: 0; -EBUSY: it is bound; -ENXIO: the host bridge has no driver.
 */
int dax_cxl_memdev_bind(struct dax_model *model, uint32_t n)
{
	struct dax_cxl_memdev *memdev = &model->cxl->memdevs[n];
	uint32_t number = 2;

	if (memdev->is_bound)
		return -EBUSY;
	if (model->cxl->is_port_gone)
		return -ENXIO;
	while (is_endpoint_taken(model->cxl, number))
		number++;
	*memdev = (struct dax_cxl_memdev){.is_bound = true, .endpoint = number};
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
	memset(memdev, 0, sizeof(*memdev));
	return 0;
}

/**
 * dax_cxl_port_bind() - drivers/cxl_port/bind of port1
 * @model:	the model, with CXL
 *
 * The memory devices stay disabled.
 *
 * Return: 0, or -EBUSY if it is bound.
 */
int dax_cxl_port_bind(struct dax_model *model)
{
	if (!model->cxl->is_port_gone)
		return -EBUSY;
	model->cxl->is_port_gone = false;
	return 0;
}

/**
 * dax_cxl_port_unbind() - drivers/cxl_port/unbind of port1
 * @model:	the model, with CXL; all its memory devices are disabled
 *
 * Return: 0, or -ENODEV if it is not bound.
 */
int dax_cxl_port_unbind(struct dax_model *model)
{
	uint32_t i;

	if (model->cxl->is_port_gone)
		return -ENODEV;
	for (i = 0; i < model->cxl->nr_memdevs; i++)
		dax_cxl_memdev_unbind(model, i);
	model->cxl->is_port_gone = true;
	return 0;
}
