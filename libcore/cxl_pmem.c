/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespaces of CXL regions of persistent memory.
 *
 * A namespace is described by labels in the memory devices, so it comes back with every
 * region that has the same bytes of the same devices in the same order
 * (drivers/nvdimm/label.c). The emulator knows one namespace, that of the config, which
 * fills its region and has an nd dax device over all of it.
 */
#include "libcore/cxl_pmem.h"

#include <stdbool.h>
#include <string.h>

#include "libcore/address.h"
#include "libcore/cxl.h"
#include "libcore/infoblock.h"

static bool is_labelled(const struct dax_cxl_namespace *ns,
			const struct dax_region *region)
{
	return ns->nr_pieces && ns->nr_pieces == region->nr_pieces &&
	       !memcmp(ns->pieces, region->pieces, ns->nr_pieces * sizeof(ns->pieces[0]));
}

/**
 * dax_cxl_pmem_label() - let the labels describe a namespace of a whole region
 * @model:	the model
 * @region:	of type CXL_PMEM
 */
void dax_cxl_pmem_label(struct dax_model *model, struct dax_region *region)
{
	struct dax_cxl_namespace *ns = &model->cxl->labels;

	ns->nr_pieces = region->nr_pieces;
	memcpy(ns->pieces, region->pieces, sizeof(ns->pieces));
}

/**
 * dax_cxl_pmem_probe() - add the device in the namespace that the labels describe
 * @model:	the model
 * @region:	of type CXL_PMEM, without devices
 *
 * A namespace whose info block does not suit its address has no device.
 *
 * Return: 0; -ENOSPC: no minor is left; -ENOMEM.
 */
int dax_cxl_pmem_probe(struct dax_model *model, struct dax_region *region)
{
	const struct dax_cxl_namespace *ns = &model->cxl->labels;
	struct dax_infoblock block;
	struct dax_dev like;
	uint64_t size;

	if (!is_labelled(ns, region))
		return 0;
	size = dax_infoblock_fill(region->size, region->align, region->map, &block);
	if (!size || region->start % region->align)
		return 0;
	memcpy(block.uuid, ns->dax_uuid, sizeof(block.uuid));
	dax_address_device(&block, region->start, region->size, size, region->align,
			   &like);
	return dax_region_add_device(region, model, 0, &like, NULL);
}
