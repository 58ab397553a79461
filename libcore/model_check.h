/* SPDX-License-Identifier: BSD-2-Clause */
/* Consistency check of a model, for tests and fuzzers. */
#ifndef DAX_MODEL_CHECK_H
#define DAX_MODEL_CHECK_H

#include "libcore/model.h"

const char *dax_model_check(const struct dax_model *model);

#endif
