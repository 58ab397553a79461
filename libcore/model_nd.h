/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of the nd bus, for static regions: what writes to the sysfs files of its
 * drivers do (model_nd.c). A device that disappears is not freed, but it is in no
 * region's `devices`; when it comes back it has a new life.
 */
#ifndef DAX_MODEL_ND_H
#define DAX_MODEL_ND_H

#include "libcore/model.h"

struct dax_dev *dax_nd_find(const struct dax_model *model, uint32_t region_id,
			    uint32_t id);
int dax_nd_unbind(struct dax_dev *dev);
int dax_nd_bind(struct dax_model *model, struct dax_dev *dev);
int dax_nd_release(struct dax_dev *dev);
int dax_nd_probe(struct dax_model *model, struct dax_dev *dev);
int dax_nd_region_unbind(struct dax_region *region);
int dax_nd_region_bind(struct dax_model *model, struct dax_region *region);
int dax_nd_platform_unbind(struct dax_model *model);
int dax_nd_platform_bind(struct dax_model *model);

#endif
