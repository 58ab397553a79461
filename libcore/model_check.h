/* SPDX-License-Identifier: BSD-2-Clause */
/* Check that a model holds together. */
#ifndef DAX_MODEL_CHECK_H
#define DAX_MODEL_CHECK_H

#include "libcore/model.h"

/*
 * Does the model hold together? No overlap, ranges inside their region, sizes
 * aligned (single ranges need not be: `mapping` takes any start), ids ascending and
 * unique, minors marked, seed and youngest exist. For tests and fuzzers.
 *
 * Return: NULL, or what is wrong (a static string).
 */
const char *dax_model_check(const struct dax_model *model);

#endif
