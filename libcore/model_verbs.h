/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of the dax bus: what writes to its sysfs files do (drivers/dax/bus.c). */
#ifndef DAX_MODEL_VERBS_H
#define DAX_MODEL_VERBS_H

#include "libcore/model.h"

/*
 * The verbs. Each answers 0 or a negative errno, as the sysfs write does, and has
 * changed nothing if it fails. Text arguments are as written to the file; sysfs.h
 * has already cut the newline or NUL at the end.
 *
 * A device that a verb changed has a higher generation, a deleted one is freed.
 * One verb may change many devices (new_id binds all it can).
 */
int dax_region_create(struct dax_model *model, struct dax_region *region,
		      struct dax_dev **ret_dev);
int dax_region_delete(struct dax_model *model, struct dax_region *region,
		      const char *name, bool is_held);
int dax_dev_set_size(struct dax_dev *dev, uint64_t size);
int dax_dev_set_align(struct dax_dev *dev, uint64_t align);
int dax_dev_add_mapping(struct dax_dev *dev, uint64_t start, uint64_t end);
int dax_dev_bind(struct dax_model *model, struct dax_dev *dev);
int dax_dev_unbind(struct dax_model *model, struct dax_dev *dev);
int dax_driver_new_id(struct dax_model *model, const char *name);
int dax_driver_remove_id(struct dax_model *model, const char *name);

#endif
