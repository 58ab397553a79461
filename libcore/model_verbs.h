/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of the dax bus: what writes to its sysfs files do (drivers/dax/bus.c).
 *
 * Each verb returns 0 or a negative errno, as the sysfs write does, and changes nothing
 * if it fails. Text arguments are those that were written to the file, without the
 * newline or NUL at the end, which sysfs.c cuts off.
 *
 * A verb increments the generation of a device that it changes, and frees a device that
 * it deletes. One verb may change many devices (new_id binds all it can).
 */
#ifndef DAX_MODEL_VERBS_H
#define DAX_MODEL_VERBS_H

#include "libcore/model.h"

int dax_region_create(struct dax_model *model, struct dax_region *region,
		      struct dax_dev **ret_dev);
int dax_region_delete(struct dax_model *model, struct dax_region *region,
		      const char *name, bool is_held);
int dax_dev_set_size(struct dax_dev *dev, uint64_t size);
int dax_dev_set_align(struct dax_dev *dev, uint64_t align);
int dax_dev_add_mapping(struct dax_dev *dev, uint64_t start, uint64_t end);
int dax_dev_bind(struct dax_model *model, struct dax_dev *dev);
int dax_dev_unbind(struct dax_model *model, struct dax_dev *dev);
int dax_dev_attach(struct dax_dev *dev, enum dax_driver driver);
int dax_driver_bind(struct dax_model *model, enum dax_driver driver, struct dax_dev *dev);
int dax_driver_unbind(struct dax_model *model, enum dax_driver driver,
		      struct dax_dev *dev);
int dax_driver_new_id(struct dax_model *model, enum dax_driver driver, const char *name);
int dax_driver_remove_id(struct dax_model *model, enum dax_driver driver,
			 const char *name);

#endif
