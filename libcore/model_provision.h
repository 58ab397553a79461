/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that consist of several verbs: all steps succeed, or nothing changes. */
#ifndef DAX_MODEL_PROVISION_H
#define DAX_MODEL_PROVISION_H

#include <stdint.h>

#include "libcore/model.h"

/* The step that failed, since the same errno has another meaning in each. */
enum dax_step {
	DAX_STEP_CREATE,
	DAX_STEP_ALIGN,
	DAX_STEP_SIZE,
	DAX_STEP_BIND,
	DAX_STEP_UNBIND,
	DAX_STEP_DELETE,
};

int dax_region_provision(struct dax_model *model, struct dax_region *region,
			 uint64_t size, uint64_t align, enum dax_step *ret_step,
			 struct dax_dev **ret_dev);
const char *dax_step_text(enum dax_step step, int error);
int dax_dev_destroy(struct dax_model *model, struct dax_dev *dev);

#endif
